// The organisation page: who is above whom, areas, shifts, holidays, leaves, and who is told when.

import { params, show } from './address.js';
import { renderAreas } from './areas.js';
import { t } from './i18n.js';
import { renderHolidays, renderLeaves } from './leaves.js';
import { renderChart } from './org-chart.js';
import { renderPolicies } from './policies.js';
import { renderSchedules } from './schedules.js';
import { on, store } from './store.js';
import { byId, filler, h, oncePerFrame } from './utils.js';

const TABS = { chart: renderChart, areas: renderAreas, schedules: renderSchedules, holidays: renderHolidays, leaves: renderLeaves, policies: renderPolicies };

const TABS_OF_PEOPLE = ['chart', 'areas'];

let view = null;
let shown = null;

export function startOrganisation() {
  view = byId('view-organisation');
  const render = oncePerFrame(() => {
    if (!view.hidden) renderPage();
  });
  on('view me', render);
  // The others show what they read themselves.
  on('employees areas', () => {
    if (shown === null || TABS_OF_PEOPLE.includes(shown)) render();
  });
  document.addEventListener('hadir:language', render);
}

function renderPage() {
  if (!store.loaded.has('employees')) return;
  const asked = params().get('tab');
  const tab = Object.hasOwn(TABS, asked) ? asked : 'chart';
  const box = h('div', { class: 'stack', id: 'organisation-tab', data: { tab } });
  shown = tab;
  view.replaceChildren(
    h('div', { class: 'page-head' }, h('h1', {}, t('nav.organisation'))),
    h('div', { class: 'segmented tabs', role: 'group', 'aria-label': t('nav.organisation') }, Object.keys(TABS).map((name) =>
      h('button', { type: 'button', 'aria-pressed': String(name === tab), data: { tab: name }, onclick: () => show('organisation', { tab: name }) }, t(`organisation.${name}`)))),
    box);
  const fill = filler(box);
  // A tab draws itself anew after it changed something.
  const draw = () => fill(() => TABS[tab](draw));
  draw();
}
