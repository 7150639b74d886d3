// Keeps the holder's page usable without a network. What it is told names the page's files.
const TOLD = /* told */ {};
const FILES = 'holder-' + TOLD.version, PAGES = 'holder-pages', PATIENCE = 4000;

self.addEventListener('install', event => {
  event.waitUntil(caches.open(FILES)
    .then(cache => cache.addAll(TOLD.assets.map(path => `${path}?v=${TOLD.version}`)))
    .then(() => self.skipWaiting()));
});

self.addEventListener('activate', event => {
  const old = name => name.startsWith('holder-') && ![FILES, PAGES].includes(name);
  event.waitUntil(caches.keys()
    .then(names => Promise.all(names.filter(old).map(name => caches.delete(name))))
    .then(() => self.clients.claim()));
});

async function page(request) {
  const kept = await caches.match(request, {cacheName: PAGES, ignoreVary: true});
  const signal = kept ? AbortSignal.timeout(PATIENCE) : undefined;
  try { return await fetch(request, {signal}); } catch (error) { if (kept) return kept; throw error; }
}

self.addEventListener('fetch', event => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== location.origin) return;
  if (event.request.mode === 'navigate') event.respondWith(page(event.request));
  else if (TOLD.assets.includes(url.pathname)) event.respondWith(caches.match(event.request, {cacheName: FILES, ignoreVary: true}).then(kept => kept ?? fetch(event.request)));
});
