// The way from nothing to the first recognised face, step by step; gone once it is reached.

import { t } from './i18n.js';
import { changesEmployees, on, seesDevices, store } from './store.js';
import { byId, h, icon, oncePerFrame, throttle } from './utils.js';

const STEPS = [
  { key: 'device', done: () => store.agents.length > 0, link: '#/devices' },
  { key: 'camera', done: () => store.cameras.some((camera) => camera.state === 'streaming' || camera.last_frame), link: '#/devices' },
  { key: 'employee', done: () => store.employees.length > 0, link: '#/employees' },
  { key: 'face', done: () => store.employees.some((person) => person.photos > 0 || person.badge), link: '#/employees' },
  { key: 'seen', done: () => [...store.status.values()].some((row) => row.last_seen), link: '#/live' },
];

/** Whoever sets the site up sees all of it. */
const concerned = () => changesEmployees() && seesDevices();

function render() {
  const box = byId('first-run');
  const ready = ['agents', 'cameras', 'employees', 'status'].every((topic) => store.loaded.has(topic));
  const open = STEPS.filter((step) => !step.done());
  box.hidden = !concerned() || !ready || open.length === 0;
  if (box.hidden) return;
  const next = open[0];
  box.replaceChildren(h('h2', {}, t('first.title')), h('ol', { class: 'first-steps' }, STEPS.map((step) => {
    const done = step.done();
    return h('li', { class: done ? 'done' : step === next ? 'next' : '', 'aria-current': step === next ? 'step' : null },
      icon(done ? 'circle-check' : 'hourglass'), h('div', {}, h('strong', {}, t(`first.${step.key}`)),
        done ? h('span', { class: 'sr-only' }, ` ${t('first.done')}`) : h('p', { class: 'muted small' }, t(`first.${step.key}.how`)),
        step === next && step.link !== '#/live' && h('a', { class: 'button small', href: step.link }, t('first.go'))));
  })));
}

export function startFirstRun() {
  const later = oncePerFrame(render);
  on('me agents employees', later);
  on('cameras status', throttle(2000, later));
  document.addEventListener('hadir:language', later);
}
