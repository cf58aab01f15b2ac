// Tables: on a desk rows and columns, on a phone a card for each row. Long ones show their first rows, and more on demand.

import { t } from './i18n.js';
import { h } from './utils.js';

const ROWS_AT_ONCE = 100;

/**
 * A table. `columns`: `{ label, cell(row), number?, className? }`, the first names the row; `open(row)` makes the row's
 * name a button.
 */
export function table(columns, rows, { caption = null, foot = null, open = null, rowClass = null } = {}) {
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
  function append() {
    const from = body.childElementCount;
    body.append(...rows.slice(from, from + ROWS_AT_ONCE).map((row) => h('tr', { class: rowClass?.(row) || null }, cells(row))));
    const left = rows.length - body.childElementCount;
    rest.hidden = left <= 0;
    more.textContent = t('table.more', { n: Math.min(left, ROWS_AT_ONCE), of: left });
  }
  append();
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
