// The ticket's page: shows what stands, and the moving code as long as this phone has its key.

const {search} = new URL(import.meta.url);
const {able, begin, forget, moving, opened, recall, remember, signed, STEP} = await import('./phone.mjs' + search);
const {correction, generate} = await import('./lean-qr.mjs' + search);

// Not all phones of a hall in the same second.
const POLL = 40_000 + Math.random() * 40_000, PATIENCE = 15_000, AGAIN = 4_000, PAGES = 'holder-pages';
const by = id => document.getElementById(id);
const main = document.querySelector('main');
const home = location.pathname.replace(/\/$/, ''), token = home.split('/').pop();
const rooted = document.documentElement;

let state = JSON.parse(by('state').textContent);
let phone = null;
// Milliseconds from this phone's clock to central's, and how far that may be wrong.
let offset = 0, doubt = Infinity;
let reached = true, stored = false, unable = false, drawn = '', awake = null, busy = false;

const now = () => (Date.now() + offset) / 1000;

// ---- language

function speak(language) {
  rooted.lang = language;
  try { localStorage.setItem('language', language); } catch { /* private mode */ }
}
try { const chosen = localStorage.getItem('language'); if (chosen) rooted.lang = chosen; } catch { /* private mode */ }
by('language').hidden = false;
by('language').onclick = () => speak(rooted.lang.startsWith('en') ? 'zh-CN' : 'en');

// ---- central

async function ask(path, body) {
  const begun = Date.now();
  const answer = await fetch(home + path, {method: body ? 'POST' : 'GET', body, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE)});
  const told = await answer.json();
  const taken = Date.now() - begun;
  if (typeof told.now === 'number') settle(told.now * 1000 - begun - taken / 2, taken / 2);
  return told;
}

// The quickest answer says it best; one that contradicts means that a clock was set.
function settle(measured, error) {
  if (error <= doubt || Math.abs(measured - offset) > error + doubt) { offset = measured; doubt = error; }
}

// One after the other: by an answer from before it was bound, a phone would throw its key away.
let turn = Promise.resolve();
function alone(deed) {
  const done = turn.then(deed);
  turn = done.catch(() => {});
  return done;
}

const refresh = () => alone(async () => {
  try {
    state = await ask('/state');
    reached = true;
    if (!phone?.key) await continued();
    else if (state.phone !== phone.name) { await forget(token); phone = null; }
    else {
      if (state.generation > phone.generation) await fetchKey();
      await keep();
    }
  } catch {
    reached = false;
    if (view() === 'waiting') setTimeout(refresh, AGAIN);
  }
  await show();
});

// A phone that was bound and did not get its answer, as after a cut, gets it now.
async function continued() {
  const begun = able() && await recall(token).catch(() => null);
  if (begun && state.phone === begun.name) { phone = begun; await fetchKey(); }
}

async function keep() {
  if (phone) { Object.assign(phone, {state, offset, doubt}); await remember(token, phone); }
}

async function fetchKey() {
  let answer = await ask('/key', await signed('key', token, phone, now()));
  if (answer.refused === 'clock') answer = await ask('/key', await signed('key', token, phone, now()));
  if (answer.refused) throw new Error(answer.refused);
  if (answer.sealed) phone.key = await opened(phone, answer);
  Object.assign(phone, {ticket: answer.ticket, generation: answer.generation});
  await keep();
  // Only now, since it is not given again afterwards.
  if (answer.sealed) await ask('/kept', await signed('kept', token, phone, now()));
}

// Admins see that another phone has the link; once is enough.
async function tellOfThisOne() {
  try {
    if (localStorage.getItem(token)) return;
    localStorage.setItem(token, 'told');
    await ask('/tried', await signed('tried', token, await begin(), now()));
  } catch { /* it is told by whoever comes next */ }
}

by('bind').onclick = async () => {
  by('bind').disabled = true;
  await alone(async () => {
    try {
      phone = await recall(token) ?? await begin();
      await remember(token, phone);
      navigator.storage?.persist?.();
      await fetchKey();
    } catch (error) {
      if (error instanceof DOMException && error.name !== 'TimeoutError') unable = true;
      phone = phone?.key ? phone : null;
    } finally { by('bind').disabled = false; }
  });
  await refresh();
};

by('move').onclick = () => { by('failed').hidden = true; by('sure').showModal(); };
by('yes').onclick = async () => {
  try {
    await alone(async () => {
      const answer = await ask('/release', await signed('release', token, phone, now()));
      if (answer.refused) throw new Error(answer.refused);
      await forget(token);
      phone = null;
    });
    localStorage.setItem(token, 'let go');
    by('sure').close();
    await refresh();
  } catch { by('failed').hidden = false; }
};

// ---- what is shown

function view() {
  if (state.standing !== 'good') return state.standing;
  if (state.used_up) return 'used';
  if (now() >= state.closes) return 'late';
  if (!state.moves) return 'still';
  if (unable || !able()) return 'unable';
  if (phone?.key) return 'code';
  if (state.phone) return state.phone === phone?.name ? 'waiting' : 'other';
  if (now() < state.code_from) return 'early';
  return reached ? 'bind' : 'online';
}

function display(name) { main.dataset.view = name; }

async function show() {
  if (busy) return;
  busy = true;
  try {
    const name = view();
    if (name === 'code') await drawCode();
    display(name);
    if (name === 'other' && reached) tellOfThisOne();
    const shown = ['code', 'still'].includes(name);
    by('off').hidden = reached || !shown;
    by('kept').hidden = !reached || !shown || !stored;
    by('used').hidden = !state.used;
    if (state.used) { by('used-zh').textContent = state.used.zh; by('used-en').textContent = state.used.en; }
    stayAwake(shown);
  } finally { busy = false; }
}

async function drawCode() {
  const at = now(), step = Math.floor(at / STEP), left = STEP - (at - step * STEP);
  by('ring').setAttribute('stroke-dashoffset', String(100 - left / STEP * 100));
  for (const id of ['left-zh', 'left-en']) by(id).textContent = String(Math.ceil(left));
  const code = await moving(phone, step);
  if (code !== drawn) { drawn = code; draw(code); }
}

function draw(words) {
  const code = generate(words, {minCorrectionLevel: correction.M, maxCorrectionLevel: correction.M});
  let path = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0, run; x < code.size; x += run) {
      run = 1;
      if (!code.get(x, y)) continue;
      while (code.get(x + run, y)) run++;
      path += `M${x} ${y}h${run}v1h-${run}z`;
    }
  }
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', `0 0 ${code.size} ${code.size}`);
  const dark = svg.appendChild(document.createElementNS(svg.namespaceURI, 'path'));
  dark.setAttribute('d', path);
  by('code').replaceChildren(svg);
}

async function stayAwake(wanted) {
  if (!wanted) { awake?.release(); awake = null; return; }
  if (awake && !awake.released || document.hidden) return;
  try { awake = await navigator.wakeLock?.request('screen'); } catch { /* low battery */ }
}

// ---- without a network

async function prepareOffline() {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register('/t/worker.js', {scope: '/t/'});
  await navigator.serviceWorker.ready;
  await (await caches.open(PAGES)).add(home);
  stored = true;
}

// ---- begin

if (able()) {
  phone = await recall(token).catch(() => null) ?? null;
  if (phone) {
    ({offset = 0} = phone);
    if (phone.state?.now > state.now) state = phone.state;
  }
}
await show();
await refresh();
prepareOffline().catch(() => {});
setInterval(show, 250);
setInterval(() => { if (!document.hidden) refresh(); }, POLL);
addEventListener('online', refresh);
addEventListener('offline', () => { reached = false; show(); });
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
