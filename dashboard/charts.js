// Charts, drawn by the vendored library, which is loaded when the first one is shown. Every chart says in a sentence what
// it shows, and has its figures as a table for those who do not see it.

import { t } from './i18n.js';
import { h } from './utils.js';

let library = null;
const load = () => {
  library ??= import('./vendor/echarts-6.1.0.esm.min.js');
  return library;
};

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The page's colours as they are now: a custom property may hold both themes', so the browser resolves it. */
function colour(name) {
  const probe = h('span', { class: 'sr-only' });
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export const palette = () => Object.fromEntries(['available', 'off', 'absent', 'unknown', 'exempt', 'accent', 'accent-soft', 'text', 'muted', 'line', 'surface', 'raised']
  .map((name) => [name, colour(`--${name}`)]));

/** Colours for areas: told apart on both themes, also by those who see no red and green. */
export const AREA_COLOURS = ['#3b82c4', '#d98a1f', '#4ba36b', '#b05fa8', '#c9564b', '#5f6fc9', '#8a8f3c', '#3aa6a6', '#a3694b', '#7a8794'];

/**
 * A panel with a chart. `option(colours)` gives the library's options; `summary` says what it shows; `rows` is the table:
 * `{ columns, rows }` of plain texts; `onclick(params)` is called for a part that was clicked.
 */
export function chartPanel({ title, how = null, summary, option, table, height = 260, onclick = null, key }) {
  const canvas = h('div', { class: 'chart-canvas', role: 'img', 'aria-label': summary, data: { chart: key } });
  canvas.style.height = `${height}px`;
  const panel = h('figure', { class: 'panel chart-panel', data: { panel: key } }, h('figcaption', {}, h('h2', {}, title), how && h('p', { class: 'muted small' }, how)), canvas,
    h('details', { class: 'chart-table' }, h('summary', {}, t('patterns.table')), h('div', { class: 'chart-table-scroll', tabindex: '0', role: 'group', 'aria-label': title }, h('table', { class: 'table' },
      h('thead', {}, h('tr', {}, table.columns.map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, table.rows.map((cells) => h('tr', {}, cells.map((text, index) => h(index === 0 ? 'th' : 'td', index === 0 ? { scope: 'row' } : { 'data-label': table.columns[index] }, text)))))))));
  draw(canvas, option, onclick);
  return panel;
}

const drawn = new Map();

async function draw(canvas, option, onclick) {
  const echarts = await load();
  // The panel is put on the page after it was made.
  for (let frame = 0; frame < 60 && !canvas.isConnected; frame += 1) await new Promise(requestAnimationFrame);
  if (!canvas.isConnected) return;
  const chart = echarts.init(canvas, null, { renderer: 'canvas' });
  const colours = () => {
    const now = palette();
    return { animation: false, textStyle: { color: now.text, fontFamily: style('--font'), fontSize: 12 }, ...option(now) };
  };
  chart.setOption(colours());
  if (onclick) chart.on('click', onclick);
  drawn.set(canvas, { chart, redraw: () => chart.setOption(colours(), true) });
  new ResizeObserver(() => {
    if (canvas.isConnected) chart.resize();
  }).observe(canvas);
  canvas.dataset.drawn = 'true';
}

/** Charts that are no longer on the page give their memory back. */
export function disposeCharts() {
  for (const [canvas, { chart }] of drawn) {
    if (canvas.isConnected) continue;
    chart.dispose();
    drawn.delete(canvas);
  }
}

/** The theme changed. */
export function redrawCharts() {
  for (const { redraw } of drawn.values()) redraw();
}

/** Paper is light, whatever the screen is, and takes a picture that is finished: the library draws some parts late. */
addEventListener('beforeprint', () => {
  document.documentElement.classList.add('printing');
  for (const [canvas, { chart, redraw }] of drawn) {
    redraw();
    const picture = chart.renderToCanvas({ pixelRatio: 2 });
    picture.removeAttribute('style');
    picture.className = 'chart-print';
    canvas.append(picture);
  }
});
addEventListener('afterprint', () => {
  document.documentElement.classList.remove('printing');
  for (const [canvas, { redraw }] of drawn) {
    canvas.querySelector('.chart-print')?.remove();
    redraw();
  }
});

/** A tooltip of plain text: what people are called is never taken for markup. */
export const tooltip = (colours, formatter) => ({ renderMode: 'richText', confine: true, backgroundColor: colours.raised, borderColor: colours.line,
  textStyle: { color: colours.text, fontSize: 12 }, formatter });

export const axis = (colours) => ({ axisLine: { lineStyle: { color: colours.line } }, axisTick: { show: false }, axisLabel: { color: colours.muted, fontSize: 11 },
  splitLine: { lineStyle: { color: colours.line } } });
