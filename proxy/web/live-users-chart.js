// Registers <live-users-chart>. Load it as a module, on a page of the proxy's own origin:
//   <script type="module" src="/live-users-chart.js"></script>
//   <live-users-chart range="24h"></live-users-chart>

import { LiveUsersChartElement } from "./live-users-chart-element.js";

if (!customElements.get("live-users-chart")) {
  customElements.define("live-users-chart", LiveUsersChartElement);
}
