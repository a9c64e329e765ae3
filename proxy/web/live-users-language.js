// Which language an element speaks, and its texts, numbers and times in it.

const ENGLISH = "en";
/** English with all texts in brackets, for those who look for texts that are in no file of messages. */
const PSEUDO = "en-XA";

/**
 * The language of a node among these: by the nearest attribute `lang`, its own or around it, else by what the
 * browser prefers, else English. Of `de-AT` it is German.
 * @param {Element} node
 * @param {object} byLanguage has a key for each language
 */
export function languageOf(node, byLanguage) {
  const known = Object.keys(byLanguage);
  const wanted = langAround(node);
  const tags = wanted ? [wanted] : navigator.languages;
  const found = tags.map((tag) => match(tag, known)).find((tag) => tag !== undefined);
  return found ?? (known.includes(ENGLISH) ? ENGLISH : known[0]);
}

function match(tag, known) {
  const [base] = tag.toLowerCase().split("-");
  return known.find((it) => it.toLowerCase() === tag.toLowerCase()) ?? known.find((it) => it === base);
}

function langAround(node) {
  for (let at = node; at instanceof Node; at = at.parentNode ?? at.host) {
    const lang = at instanceof Element && at.getAttribute("lang");
    if (lang) return lang;
  }
  return null;
}

/**
 * What says the messages of a section in a language: `t("live", { n: 3 })`. A number is written as the language
 * writes it, and the one that is named `n` decides about the plural. `t.language` is the language.
 * @param {object} byLanguage the messages, as a module of `messages` has them
 * @param {string} language one of its keys
 */
export function translator(byLanguage, language = document.documentElement.lang) {
  const messages = byLanguage[language] ?? byLanguage[ENGLISH] ?? Object.values(byLanguage)[0];
  const t = (key, values = {}) => {
    const message = messages[key];
    // A server of another version may have words that are not known here.
    if (message === undefined) return key;
    const text = typeof message === "string" ? message : message[plural(language, values.n)] ?? message.other;
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === "number" ? numberIn(language, value) : value;
    });
  };
  return Object.assign(t, { language, has: (key) => Object.hasOwn(messages, key) });
}

/** `1,042`, and in German `1.042`. */
export function numberIn(language, value) {
  return formatter(Intl.NumberFormat, language).format(value);
}

/** A moment by the clock of whoever looks. English days and clocks are those of Britain: 24 hours, the day first. */
export function timeIn(language, value, options) {
  return formatter(Intl.DateTimeFormat, language === ENGLISH || language === PSEUDO ? "en-GB" : language, options).format(value);
}

function plural(language, n) {
  return formatter(Intl.PluralRules, language).select(n);
}

const formatters = new Map();

/** Made once: to make one takes long. */
export function formatter(Kind, language, options) {
  const key = `${Kind.name} ${language} ${JSON.stringify(options)}`;
  let made = formatters.get(key);
  if (made === undefined) {
    made = new Kind(language === PSEUDO ? ENGLISH : language, options);
    formatters.set(key, made);
  }
  return made;
}
