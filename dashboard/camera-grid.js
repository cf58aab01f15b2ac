// Several cameras side by side: as many as fit, of one area or of all. A tile that is chosen becomes the one picture.

import { camera } from './camera-manager.js';
import { LiveFeed } from './face-recognition.js';
import { t } from './i18n.js';
import { areaName, on, store } from './store.js';
import { h, icon, setText } from './utils.js';

/** Every tile is a stream that a device has to send. */
const MAX_TILES = 9;

let box = null;
let choose = () => {};
let area = '';
let page = 0;
/** Tiles by camera. */
const tiles = new Map();

const cameras = () => store.cameras.filter((one) => area === '' || one.area === area);

function makeTile(entry) {
  const message = h('div', { class: 'stage-message', role: 'status' });
  const picture = h('canvas', { class: 'picture', role: 'img' });
  const frameTime = h('time', { class: 'frame-time', hidden: true });
  const stage = h('div', { class: 'stage', data: { state: 'connecting' } }, picture, message, frameTime);
  const title = h('span', { class: 'grid-title' });
  const dot = h('span', { class: 'dot' });
  const button = h('button', { class: 'grid-open', type: 'button', onclick: () => choose(entry.id) }, dot, title, icon('maximize', 'icon tiny'));
  const element = h('div', { class: 'grid-tile', data: { camera: entry.id } }, button, stage);
  // The names stand on the picture; the list beside it is the single view's.
  const feed = new LiveFeed({ stage, picture, message, frameTime, people: h('ul'), none: h('span') });
  return { element, feed, title, button, dot };
}

function render() {
  if (!box || box.hidden) return;
  const all = cameras();
  const pages = Math.max(1, Math.ceil(all.length / MAX_TILES));
  page = Math.min(page, pages - 1);
  const shown = all.slice(page * MAX_TILES, (page + 1) * MAX_TILES);
  const wall = box.querySelector('.grid-wall');
  for (const [id, tile] of tiles) {
    if (shown.some((entry) => entry.id === id)) continue;
    tile.feed.destroy();
    tile.element.remove();
    tiles.delete(id);
  }
  shown.forEach((entry, index) => {
    if (!tiles.has(entry.id)) {
      const made = makeTile(entry);
      tiles.set(entry.id, made);
      wall.append(made.element);
      made.feed.open(entry.id);
    }
    const { element, title, button, dot } = tiles.get(entry.id);
    if (wall.children[index] !== element) wall.insertBefore(element, wall.children[index] ?? null);
    const words = `${camera(entry.number)} · ${entry.label}`;
    setText(title, words);
    dot.dataset.inference = entry.inference;
    button.setAttribute('aria-label', t('grid.open', { camera: words }));
    button.title = t(entry.inference === 'active' ? 'live.inference.active' : 'live.inference.offline');
  });
  wall.dataset.tiles = String(shown.length);
  box.querySelector('.grid-pages').replaceChildren(...(pages < 2 ? [] : [
    h('button', { class: 'button small', type: 'button', disabled: page === 0, onclick: () => turn(-1) }, icon('chevron-left'), t('grid.before')),
    h('span', { class: 'figures muted' }, `${page + 1} / ${pages}`),
    h('button', { class: 'button small', type: 'button', disabled: page === pages - 1, onclick: () => turn(1) }, t('grid.after'), icon('chevron-right'))]));
}

function turn(by) {
  page += by;
  render();
}

/** Shows the grid in `into`, or puts it away; a chosen camera is handed to `onchoose`. */
export function showGrid(into, onchoose) {
  box = into;
  choose = onchoose;
  box.hidden = false;
  box.replaceChildren(
    h('div', { class: 'grid-head' }, h('select', { 'aria-label': t('tracking.area'), onchange: (event) => {
      area = event.target.value;
      page = 0;
      render();
    } }, h('option', { value: '' }, t('tracking.area.all')), store.areas.map((one) => h('option', { value: one.id, selected: one.id === area }, areaName(one.id)))),
    h('div', { class: 'grid-pages' })),
    h('div', { class: 'grid-wall' }));
  render();
}

export function hideGrid() {
  for (const { feed } of tiles.values()) feed.destroy();
  tiles.clear();
  if (box) {
    box.hidden = true;
    box.replaceChildren();
  }
}

on('cameras areas', render);
document.addEventListener('hadir:language', () => {
  if (!box || box.hidden) return;
  hideGrid();
  showGrid(box, choose);
});
