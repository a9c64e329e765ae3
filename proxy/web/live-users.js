// Registers <live-users>. Load it as a module, from any page:
//   <script type="module" src="https://PROXY/live-users.js"></script>
//   <live-users></live-users>

import { LiveUsersElement } from "./live-users-element.js";

if (!customElements.get("live-users")) {
  customElements.define("live-users", LiveUsersElement);
}
