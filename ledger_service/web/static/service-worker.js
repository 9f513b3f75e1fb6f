// Keeps nothing personal: only the style, so that a page that is open stays readable without a line.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
