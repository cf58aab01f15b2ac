// A badge with a QR code, to be printed: what a camera reads in place of a face.

import { api, employeePath } from './api.js';
import { confirmDialog } from './form.js';
import { t } from './i18n.js';
import { load, store } from './store.js';
import { h, icon, openDialog, sentence, showError } from './utils.js';

const SVG = 'http://www.w3.org/2000/svg';
/** By this a camera's device knows a badge of ours. */
const PREFIX = 'hadir:';
/** Cells of white around the code, as the standard asks for. */
const QUIET = 4;
/** Without what is easily mistaken: 0 and O, 1 and I. */
const LETTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** A number that nobody guesses: 60 bits. */
export function newBadge() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return `HDR-${[...random].map((byte) => LETTERS[byte % LETTERS.length]).join('')}`;
}

async function code(text) {
  const { default: qrcode } = await import('./vendor/qrcode-generator-2.0.4.mjs');
  const qr = qrcode(0, 'M');
  qr.addData(PREFIX + text);
  qr.make();
  const size = qr.getModuleCount();
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${size + 2 * QUIET} ${size + 2 * QUIET}`);
  svg.setAttribute('class', 'badge-code');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', t('badge.code', { badge: text }));
  svg.setAttribute('shape-rendering', 'crispEdges');
  let path = '';
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) if (qr.isDark(row, column)) path += `M${column + QUIET},${row + QUIET}h1v1h-1z`;
  }
  const cells = document.createElementNS(SVG, 'path');
  cells.setAttribute('d', path);
  svg.append(cells);
  return svg;
}

/** Shows somebody's badge; gives them one where they have none. */
export async function openBadge(person) {
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const body = h('div', { class: 'form' });
  const dialog = openDialog(t('badge.title', { name: person.name }), body);
  const give = async (badge) => {
    showError(failure, null);
    try {
      const changed = await api('PATCH', employeePath(person.id), { badge });
      await load('employees');
      await render(changed);
    } catch (error) {
      showError(failure, sentence(error));
    }
  };
  const button = (key, symbol, run, className = '') => h('button', { class: `button ${className}`, type: 'button', data: { act: key }, onclick: run }, icon(symbol), t(`badge.${key}`));
  async function render(shown) {
    if (!shown.badge) {
      body.replaceChildren(h('p', {}, t('badge.none')), failure, h('div', { class: 'dialog-acts' }, button('make', 'qr-code', () => give(newBadge()), 'primary')));
      return;
    }
    const card = h('div', { class: 'badge-card', id: 'badge-card' }, h('p', { class: 'badge-site' }, store.me.site.name), await code(shown.badge),
      h('p', { class: 'badge-name' }, shown.name), h('p', {}, shown.id), h('p', { class: 'badge-number figures' }, shown.badge));
    body.replaceChildren(h('p', { class: 'muted' }, t('badge.how')), card, failure, h('div', { class: 'dialog-acts' },
      button('renew', 'rotate-ccw', () => confirmDialog(t('badge.renew'), t('badge.renew.sure', { name: shown.name }), () => give(newBadge()), { yes: t('badge.renew') })), button('print', 'printer', printCard, 'primary')));
  }
  await render(person);
  dialog.querySelector('.button.primary')?.focus();
}

/** Prints the card alone. */
function printCard() {
  document.body.classList.add('printing-card');
  addEventListener('afterprint', () => document.body.classList.remove('printing-card'), { once: true });
  print();
}
