// The devices page: cameras and the devices beside them, as they report themselves.

import { camera } from './camera-manager.js';
import { t } from './i18n.js';
import { areaName, cameraById, load, on, seesDevices, store } from './store.js';
import { ago, exactTime } from './time.js';
import { byId, emptyState, h, icon, oncePerFrame } from './utils.js';

/** Devices send no event of their own; while the page is shown they are asked this often. */
const POLL_MS = 5000;

let view = null;

export function startDevices() {
  view = byId('view-devices');
  const render = oncePerFrame(() => {
    if (!view.hidden) renderPage();
  });
  on('agents cameras areas me view', render);
  document.addEventListener('hadir:language', render);
  setInterval(() => {
    if (!view.hidden && !document.hidden && seesDevices()) load('agents').catch(() => {});
  }, POLL_MS);
}

const moment = (text) => (text ? h('time', { datetime: text, title: exactTime(Date.parse(text)) }, ago(Date.parse(text))) : '–');

const lamp = (good, text) => h('span', { class: `lamp ${good ? 'good' : 'bad'}` }, icon(good ? 'circle-check' : 'triangle-alert'), text);

function table(keys, rows) {
  return h('div', { class: 'panel table-panel' }, h('table', { class: 'table' },
    h('thead', {}, h('tr', {}, keys.map((key) => h('th', { scope: 'col' }, t(key))))),
    h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell, index) => h(index === 0 ? 'th' : 'td',
      index === 0 ? { scope: 'row', class: 'cell-name' } : { 'data-label': t(keys[index]) }, cell)))))));
}

function renderPage() {
  if (!store.loaded.has('cameras') || !store.loaded.has('agents')) return;
  const head = h('div', { class: 'page-head' }, h('h1', {}, t('devices.title')));
  if (store.cameras.length === 0 && store.agents.length === 0) {
    view.replaceChildren(head, h('div', { class: 'panel' }, emptyState('cpu', t('devices.empty'), t('devices.empty.how'))));
    return;
  }
  view.replaceChildren(head,
    h('h2', {}, t('devices.cameras')),
    table(['devices.label', 'tracking.area', 'devices.agent', 'devices.stream', 'devices.inference', 'devices.lastFrame'],
      store.cameras.map((entry) => [
        h('span', {}, `${camera(entry.number)} · ${entry.label}`), areaName(entry.area), entry.agent,
        h('span', {}, lamp(entry.state === 'streaming', t(`camera.${entry.state}`)), entry.problem && h('span', { class: 'problem muted' }, entry.problem)),
        lamp(entry.inference === 'active', entry.inference === 'active'
          ? `${t('devices.active')} · ${t('live.fps', { n: entry.fps.toFixed(1) })}` : t('camera.offline')),
        moment(entry.last_frame),
      ])),
    h('h2', {}, t('devices.agents')),
    table(['devices.agent', 'devices.connection', 'devices.cameras', 'devices.gallery', 'devices.outbox', 'devices.clock', 'devices.version'],
      store.agents.map((agent) => [
        agent.id,
        h('span', {}, lamp(agent.online, agent.online ? t('devices.online') : t('camera.offline')), ' ', h('span', { class: 'muted' }, moment(agent.last_heard))),
        agent.cameras.map((id) => (cameraById(id) ? camera(cameraById(id).number) : id)).join(', ') || '–',
        lamp(agent.gallery_current, `${agent.gallery_version} · ${agent.gallery_current ? t('devices.gallery.current') : t('devices.gallery.old')}`),
        agent.outbox_dropped > 0
          ? lamp(false, `${agent.outbox_depth} · ${t('devices.dropped', { n: agent.outbox_dropped })}`) : String(agent.outbox_depth),
        agent.clock_offset_ms === null ? '–' : `${agent.clock_offset_ms} ms`,
        agent.version,
      ])));
}
