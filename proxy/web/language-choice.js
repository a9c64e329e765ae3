// The language that is chosen at the foot of the page, for all pages of the proxy in this browser.

const COOKIE = "live-users-language";
/** The parameter of an address that asks for a language. It goes along from page to page. */
export const LANGUAGE_PARAMETER = "lang";
const YEAR_S = 31_536_000;

/** Shows the page in another language when one is chosen. The server reads the cookie. */
export function followLanguage() {
  document.querySelector("#language").addEventListener("change", ({ target }) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=${target.value}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
    // What the address asks for would come before the choice.
    const address = new URL(location.href);
    const wasAsked = address.searchParams.has(LANGUAGE_PARAMETER);
    address.searchParams.delete(LANGUAGE_PARAMETER);
    if (wasAsked) location.replace(address);
    else location.reload();
  });
}
