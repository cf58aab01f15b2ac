// A notification of the browser, and a sound, when an alert is opened; each only if the reader asked for it.

import { cameraName } from './camera-manager.js';
import { t } from './i18n.js';
import { on, store } from './store.js';
import { whenShort } from './time.js';
import { h, icon } from './utils.js';

const WAYS = ['notify', 'sound'];
const key = (way) => `hadir.alerts.${way}`;

function wants(way) {
  try {
    return localStorage.getItem(key(way)) === '1' && (way !== 'notify' || globalThis.Notification?.permission === 'granted');
  } catch {
    return false;
  }
}

function remember(way, yes) {
  try {
    if (yes) localStorage.setItem(key(way), '1');
    else localStorage.removeItem(key(way));
  } catch {
    // Storage is blocked: nothing is remembered, so nothing is told either.
  }
}

/** Ids of alerts that were there before, or were told. */
let known = null;
let audio = null;

/** Two short tones, made here: no file, and nothing to load when it matters. */
function sound() {
  audio ??= new AudioContext();
  for (const [at, frequency] of [[0, 880], [0.18, 660]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.15, audio.currentTime + at);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + at + 0.16);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.17);
  }
}

function tell(alert) {
  if (wants('sound')) sound();
  if (!wants('notify')) return;
  const body = alert.camera ? t('alerts.lastSeen', { time: whenShort(Date.parse(alert.last_seen)), camera: cameraName(alert.camera) })
    : t('alerts.lastSeen.nowhere', { time: whenShort(Date.parse(alert.last_seen)) });
  let shown;
  try {
    shown = new Notification(t('alerts.notification', { name: alert.name }), { body, tag: `hadir-alert-${alert.id}` });
  } catch {
    // Browsers of phones let no page do this by itself; the sound, and the page, still tell.
    return;
  }
  shown.onclick = () => {
    focus();
    location.hash = '#/alerts';
  };
}

export function startAlertNotify() {
  on('alerts', () => {
    const open = [...store.alerts.values()].filter((alert) => alert.state === 'open');
    // What was open when the page was opened is no news, nor what came while nobody was logged in.
    const news = known !== null && store.me ? open.filter((alert) => !known.has(alert.id)) : [];
    known = store.me && store.loaded.has('alerts') ? new Set([...store.alerts.keys()]) : null;
    news.forEach(tell);
  });
  // Browsers keep a page silent until something on it was pressed.
  addEventListener('pointerdown', () => {
    if (wants('sound')) audio ??= new AudioContext();
    audio?.resume();
  });
}

/** The two switches. */
export function notifySwitches() {
  const line = h('span', { class: 'error-line', role: 'status' });
  const button = (way, symbol) => {
    const el = h('button', { class: 'button small', type: 'button', 'aria-pressed': String(wants(way)), data: { notify: way }, onclick: async () => {
      line.textContent = '';
      const yes = !wants(way);
      if (yes && way === 'notify') {
        const answer = globalThis.Notification ? await Notification.requestPermission() : 'denied';
        if (answer !== 'granted') {
          line.textContent = t('alerts.notify.denied');
          return;
        }
      }
      remember(way, yes);
      if (yes && way === 'sound') sound();
      el.setAttribute('aria-pressed', String(wants(way)));
    } }, icon(symbol), t(`alerts.${way}`));
    return el;
  };
  return h('div', { class: 'acts-row' }, button(WAYS[0], 'bell'), button(WAYS[1], 'volume-2'), line);
}
