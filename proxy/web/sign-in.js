// Signs in with the token of a link, /admin/sign-in#token=TOKEN. A browser sends no server what is behind the #. And
// shows the page in the language that is chosen at its foot, as language-choice.js does.
{
  /** The token in the address, which is taken out of the address and the history at once; or null. */
  const takeToken = () => {
    const found = /^#token=([^&]*)/.exec(location.hash);
    if (found === null) return null;
    history.replaceState(null, "", location.pathname + location.search);
    try {
      return decodeURIComponent(found[1]);
    } catch {
      return found[1];
    }
  };

  /** Does what a person does by hand. By plain http:// from elsewhere, that is left to the person. */
  const signIn = (token) => {
    const field = document.querySelector("#token");
    if (field === null) return;
    document.querySelector("main").hidden = false;
    field.value = token;
    // A page out of the browser's cache of pages must not bring the token back.
    addEventListener("pagehide", () => { field.value = ""; }, { once: true });
    if (isSecureContext) field.form.requestSubmit();
  };

  /** Keeps the choice, which all pages of the proxy go by, and shows this one in it. */
  const choose = ({ target }) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `live-users-language=${target.value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    const address = new URL(location.href);
    address.searchParams.delete("lang");
    address.hash = "";
    location.replace(address);
  };

  const token = takeToken();
  document.addEventListener("DOMContentLoaded", () => {
    const languages = document.querySelector(".languages");
    languages.hidden = false;
    languages.addEventListener("change", choose);
    const { next } = document.body.dataset;
    if (token) signIn(token);
    else if (next !== undefined) location.replace(next);
  });
  addEventListener("hashchange", () => {
    const another = takeToken();
    if (another) signIn(another);
  });
}
