// Tables: on a desk rows and columns, on a phone a card for each row. Long ones show their first rows, and more on demand.

import { t } from './i18n.js';
import { h } from './utils.js';

const ROWS_AT_ONCE = 100;

/** Paper has no button: all rows go onto it. */
let complete = [];
addEventListener('beforeprint', () => {
  for (const [rest, all] of complete) if (rest.isConnected) all();
});

/**
 * A table. `shown` keeps how many rows are open when the same table is made anew. `columns`: `{ label, cell(row), number?, className? }`, the first names the row; `open(row)` makes the row's
 * name a button.
 */
export function table(columns, rows, { caption = null, foot = null, open = null, rowClass = null, shown = {} } = {}) {
  const body = h('tbody');
  const cells = (row) => columns.map((column, index) => {
    const text = column.cell(row);
    const className = [column.className, column.number && 'number', index === 0 && 'cell-name'].filter(Boolean).join(' ');
    if (index > 0) return h('td', { class: className || null, 'data-label': column.label }, text);
    return h('th', { scope: 'row', class: className }, open
      ? h('button', { class: 'link', type: 'button', onclick: () => open(row) }, text) : text);
  });
  const more = h('button', { class: 'button wide', type: 'button', onclick: () => {
    const first = body.childElementCount;
    append();
    body.children[first]?.querySelector('button, a')?.focus();
  } });
  const rest = h('div', { class: 'table-more' }, more);
  function append(to = body.childElementCount + ROWS_AT_ONCE) {
    const from = body.childElementCount;
    body.append(...rows.slice(from, to).map((row) => h('tr', { class: rowClass?.(row) || null }, cells(row))));
    shown.rows = body.childElementCount;
    const left = rows.length - body.childElementCount;
    rest.hidden = left <= 0;
    more.textContent = t('table.more', { n: Math.min(left, ROWS_AT_ONCE), of: left });
  }
  append(Math.max(ROWS_AT_ONCE, shown.rows ?? 0));
  complete = complete.filter(([other]) => other.isConnected);
  if (!rest.hidden) complete.push([rest, () => append(rows.length)]);
  return h('div', { class: 'panel table-panel' }, h('table', { class: 'table' },
    caption && h('caption', { class: 'sr-only' }, caption),
    h('thead', {}, h('tr', {}, columns.map((column) => h('th', { scope: 'col', class: column.number ? 'number' : null }, column.label)))),
    body,
    foot && h('tfoot', {}, h('tr', {}, columns.map((column, index) => {
      const text = foot[index] ?? '';
      return index === 0 ? h('th', { scope: 'row', class: 'cell-name' }, text)
        : h('td', { class: column.number ? 'number' : null, 'data-label': text === '' ? null : column.label }, text);
    })))), rest);
}
