// Small helpers for building the page: elements, icons, dialogs, and the words for an error.

import { t } from './i18n.js';

/** An element. `on…` properties are listeners, `data` fills the dataset, null and false are left out. */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) el.addEventListener(key.slice(2), value);
    else if (key === 'class') el.className = value;
    else if (key === 'data') Object.assign(el.dataset, value);
    else el.setAttribute(key, value === true ? '' : value);
  }
  el.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return el;
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * The symbols of the sprite by name. Icons are copies of them: browsers build what a `use` element refers to anew each
 * time that it moves, and rows of a list move all the time.
 */
const symbols = await fetch('icons.svg').then((answer) => answer.text()).then((text) => {
  const sprite = new DOMParser().parseFromString(text, 'image/svg+xml');
  return new Map([...sprite.querySelectorAll('symbol')].map((symbol) => {
    const drawing = document.createElementNS(SVG, 'g');
    for (const { name, value } of symbol.attributes) if (!['id', 'viewBox'].includes(name)) drawing.setAttribute(name, value);
    drawing.append(...[...symbol.children].map((child) => document.importNode(child, true)));
    return [symbol.id, { viewBox: symbol.getAttribute('viewBox'), drawing }];
  }));
// Without pictures the words beside them still say everything.
}).catch(() => new Map());

/** An icon of the sprite; decoration for a word that stands beside it. */
export function icon(name, className = 'icon') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', className);
  svg.setAttribute('aria-hidden', 'true');
  setIcon(svg, name);
  return svg;
}

/** Makes an icon that of another symbol. */
export function setIcon(svg, name) {
  const symbol = symbols.get(name);
  if (svg.dataset.icon === name || !symbol) return;
  svg.dataset.icon = name;
  svg.setAttribute('viewBox', symbol.viewBox);
  svg.replaceChildren(symbol.drawing.cloneNode(true));
}

/** Puts elements into a box in this order, and moves as few of those that are there as it can at a look. */
export function arrange(box, elements) {
  const wanted = new Set(elements);
  for (const child of [...box.children]) if (!wanted.has(child)) child.remove();
  let at = box.firstElementChild;
  for (const element of elements) {
    // What stood before it went elsewhere.
    if (at !== element && at?.nextElementSibling === element) {
      const gone = at;
      at = element;
      box.append(gone);
    }
    if (at === element) at = at.nextElementSibling;
    else box.insertBefore(element, at);
  }
}

/** A status row's state in words; of somebody exempt, why. */
export const stateWord = (row) => (row.exemption ? t(`exempt.${row.exemption}`) : t(`state.${row.state}`));

/** The shape of a presence state. */
export const stateShape = (state) => icon(`state-${state}`, `shape is-${state}`);

export const byId = (id) => document.getElementById(id);

/** Sets a text only when it differs, so that screen readers and selections are left alone. */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** An empty state that says what to do. */
export const emptyState = (name, title, how, action = null) =>
  h('div', { class: 'empty' }, icon(name, 'icon large'), h('p', { class: 'empty-title' }, title),
    how && h('p', { class: 'muted' }, how), action);

/** A sentence for an error, in the reader's words. */
export function sentence(error) {
  switch (error.code) {
    case 'network': return t('error.network');
    case 'internal': return t('error.internal');
    case 'not_found': return t('error.gone');
    // The server answers in the page's language; what a proxy answers in its place has no sentence.
    default: return error.message || t(error.code === 'forbidden' ? 'error.forbidden' : 'error.unavailable');
  }
}

/** Shows an error's sentence in a line, or hides the line. */
export function showError(line, text) {
  line.hidden = !text;
  setText(line, text ?? '');
}

/** Opens a modal dialog; it is gone from the page when it closes. */
export function openDialog(title, content, { onclose, className = '' } = {}) {
  const heading = h('h2', { id: `dialog-${crypto.getRandomValues(new Uint32Array(1))[0]}` }, title);
  const dialog = h('dialog', { class: `dialog ${className}`, 'aria-labelledby': heading.id },
    h('div', { class: 'dialog-head' }, heading,
      h('button', { class: 'icon-button', type: 'button', 'aria-label': t('form.close'), title: t('form.close'),
        onclick: () => dialog.close() }, icon('x'))),
    content);
  dialog.addEventListener('close', () => {
    dialog.remove();
    onclose?.();
  });
  byId('dialogs').append(dialog);
  dialog.showModal();
  return dialog;
}

/** A button that is held longer than this is not about to be clicked. */
const PRESS_MS = 2000;
let pressedAt = -Infinity;
addEventListener('pointerdown', () => { pressedAt = performance.now(); }, true);
for (const type of ['pointerup', 'pointercancel', 'blur']) {
  // The click comes right behind it.
  addEventListener(type, () => setTimeout(() => { pressedAt = -Infinity; }), true);
}

/**
 * Runs a function once per painted frame, however often it is asked for; not while something is pressed: what is
 * replaced under the pointer gets no click.
 */
export function oncePerFrame(work) {
  let asked = false;
  const step = () => {
    if (performance.now() - pressedAt < PRESS_MS) {
      requestAnimationFrame(step);
      return;
    }
    asked = false;
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(step);
  };
}

/** Runs a function behind the next painted frame, once however often it is asked for: a letter that was typed is seen before what it finds. */
export function afterPaint(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => setTimeout(() => {
      asked = false;
      work();
    }));
  };
}

/** What says that an element is the same one as before. */
const likeness = (el) => JSON.stringify([el.tagName, { ...el.dataset }, { ...el.closest('[data-alert], [data-employee]')?.dataset },
  el.getAttribute('aria-label'), el.textContent]);

/** Replaces what is in a box; the keyboard stays where it was. */
export function redraw(box, ...parts) {
  const held = box.contains(document.activeElement) && document.activeElement !== box ? document.activeElement : null;
  const before = held && likeness(held);
  box.replaceChildren(...parts);
  if (held) [...box.querySelectorAll(held.tagName)].find((el) => likeness(el) === before)?.focus({ preventScroll: true });
}

/** Runs a function soon after a call, and at most every `ms` milliseconds however often it is called. */
export function throttle(ms, work) {
  let timer = 0;
  let last = -Infinity;
  return () => {
    if (timer !== 0) return;
    timer = setTimeout(() => {
      timer = 0;
      last = performance.now();
      work();
    }, Math.max(150, last + ms - performance.now()));
  };
}

/** Runs a function when no further call came for `ms` milliseconds. */
export function debounce(ms, work) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}

/**
 * Fills a box with what comes of an asynchronous piece of work, says so meanwhile, and offers another try when it
 * failed. Only the latest work counts.
 */
export function filler(box) {
  let latest = 0;
  return async function fill(work) {
    latest += 1;
    const turn = latest;
    box.setAttribute('aria-busy', 'true');
    if (box.childElementCount === 0) box.append(h('p', { class: 'muted' }, t('help.loading')));
    let content;
    try {
      content = await work();
    } catch (error) {
      content = [h('p', { class: 'error-line', role: 'alert' }, t('error.load', { message: sentence(error) })),
        h('button', { class: 'button', type: 'button', onclick: () => {
          box.replaceChildren();
          // The button is gone; the keyboard's place stays here.
          box.tabIndex = -1;
          box.focus();
          fill(work);
        } }, t('help.retry'))];
    }
    if (turn !== latest) return;
    box.removeAttribute('aria-busy');
    redraw(box, ...[content].flat());
  };
}
