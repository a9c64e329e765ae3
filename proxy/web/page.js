// The page's own module: the count in the title, for a tab that is not in front.

import "/live-users.js";

const title = document.title;
const badge = document.querySelector("live-users");

function show() {
  const count = badge.getAttribute("count");
  document.title = count === null ? title : `(${count}) ${title}`;
}

badge.addEventListener("live-users-change", show);
show();
