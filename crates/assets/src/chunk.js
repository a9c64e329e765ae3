/**
 * Loads a chunk, and hands it the modules that it has in common with this script.
 * Where it cannot be loaded, the error has the status that the server answers with, and 0 if it does not.
 */
const import_chunk = (() => {
  // A browser may remember that an address has failed: the next attempt has another one.
  const failures = new Map();
  return async (path, shared) => {
    const url = new URL(path, import.meta.url);
    const failed = failures.get(path) ?? 0;
    if (failed > 0) url.search = failed;
    let chunk;
    try {
      chunk = await import(url);
    } catch (error) {
      failures.set(path, failed + 1);
      const { status } = await fetch(url, { method: "HEAD", cache: "no-store" }).catch(() => ({ status: 0 }));
      throw Object.assign(error, { status });
    }
    return chunk.default(shared);
  };
})();
