// What the page does by itself: fetch what is shown when it has changed, count down, read aloud,
// and let keys do what touches do. It decides nothing and holds nothing.
'use strict';
const by = id => document.getElementById(id);
const state = () => by('state').dataset;
let shownAt = performance.now(), said = '', lost = false, underWay = Promise.resolve();

// One after another: of two keys struck at once neither is lost, and no older picture comes last.
function ask(path, told, wanted = () => true) {
  underWay = underWay.then(() => wanted() && asked(path, told)).catch(() => setTimeout(() => location.reload(), 1500));
}

async function asked(path, told) {
  const answer = await fetch(path, told && { method: 'POST', body: new URLSearchParams(told) });
  if (!answer.ok) throw new Error(answer.status);
  htmx.swap('#screen', await answer.text(), { swapStyle: 'innerHTML', swapDelay: 0, settleDelay: 0 });
  shown();
}

function look() {
  const source = new EventSource('/events');
  source.onmessage = event => {
    by('gone').hidden = true;
    // A touch's own answer has often shown it by the time it is this one's turn. After a pause it
    // may be another life of the daemon, which counts anew.
    const anew = lost;
    lost = false;
    ask('/screen', undefined, () => anew || event.data !== state().number);
  };
  source.onerror = () => {
    by('gone').hidden = false;
    lost = true;
    if (source.readyState === 2) setTimeout(look, 1000);
  };
}

function shown() {
  shownAt = performance.now();
  document.documentElement.lang = state().language;
  tick();
  speak();
}

function tick() {
  const { seconds, total, hurry } = state();
  if (seconds === '') return;
  const left = Math.max(0, Math.ceil(Number(seconds) - (performance.now() - shownAt) / 1000));
  by('seconds').textContent = left;
  by('ring').style.strokeDashoffset = String(100 - 100 * left / Math.max(1, Number(total)));
  const soon = left <= Math.min(Number(hurry), Number(total) / 2);
  by('time').classList.toggle('soon', soon);
  by('hurry').hidden = !soon;
}

function speak() {
  const { say, voice, language } = state();
  if (!('speechSynthesis' in window)) return;
  if (!voice) { speechSynthesis.cancel(); said = ''; return; }
  if (say === said) return;
  said = say;
  speechSynthesis.cancel();
  const words = new SpeechSynthesisUtterance(say);
  words.lang = language;
  words.rate = 0.95;
  speechSynthesis.speak(words);
}

function aloud(node) {
  if (!state().voice || !('speechSynthesis' in window) || !node) return;
  speechSynthesis.cancel();
  const words = new SpeechSynthesisUtterance(node.getAttribute('aria-label') || node.textContent.trim());
  words.lang = state().language;
  speechSynthesis.speak(words);
}

// Arrows lead from control to control, as the keypads for people who do not see the screen have it.
function move(step) {
  const all = [...document.querySelectorAll('#screen button:not([disabled])')].filter(one => one.offsetParent);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  all[(at + step + all.length) % all.length].focus();
}

document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const press = id => { const node = by(id); if (node && !node.disabled) { node.click(); event.preventDefault(); } return node; };
  const page = state().page;
  if (event.key === 'ArrowDown' || event.key === 'ArrowRight') { move(1); event.preventDefault(); }
  else if (event.key === 'ArrowUp' || event.key === 'ArrowLeft') { move(-1); event.preventDefault(); }
  else if (event.key === 'Escape') press('cancel') || press('back') || press('stop');
  else if (event.key === 'Backspace') press('erase');
  else if (page === 'attract') press('start');
  else if (/^[0-9A-Za-z]$/.test(event.key)) press('key-' + event.key.toUpperCase());
  else if (event.key === '-') press('key-dash');
});
document.addEventListener('focusin', event => { if (event.target.matches('button:focus-visible')) aloud(event.target); });
document.addEventListener('contextmenu', event => event.preventDefault());
document.addEventListener('dragstart', event => event.preventDefault());
document.addEventListener('click', event => {
  const button = event.target.closest('button[data-touch]');
  if (button && !button.disabled) ask('/touch', JSON.parse(button.dataset.touch));
});
setInterval(tick, 250);
look();
shown();
