// Some phones install a page only where there is such a script. It keeps nothing and answers nothing.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
