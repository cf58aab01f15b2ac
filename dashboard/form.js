// Dialogs with a form: what is wrong is said beside the field that is to blame.

import { t } from './i18n.js';
import { h, openDialog, sentence, showError } from './utils.js';

/** A labelled field. */
export const field = (label, control, hint = null) => h('label', { class: 'field' }, h('span', {}, label), control,
  hint && h('span', { class: 'hint' }, hint));

/** A choice: `options` are `[value, text]`. */
export const select = (name, value, options, attributes = {}) => h('select', { name, ...attributes },
  options.map(([key, text]) => h('option', { value: key, selected: key === (value ?? '') }, text)));

export const input = (name, value, attributes = {}) => h('input', { name, value: value ?? '', autocomplete: 'off', ...attributes });

/**
 * Opens a dialog with a form. `send(form, dialog)` saves and throws what is wrong: an ApiError, or `{ field, message }`.
 * `acts` are buttons beside "save".
 */
export function formDialog(title, content, send, { save = t('form.save'), acts = [], className = '' } = {}) {
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const button = h('button', { class: 'button primary', data: { act: 'save' } }, save);
  const form = h('form', { class: 'form', novalidate: true }, ...content, failure,
    h('div', { class: 'dialog-acts' }, ...acts, h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('form.cancel')), button));
  const dialog = openDialog(title, form, { className });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    showError(failure, null);
    for (const control of form.querySelectorAll('[aria-invalid]')) control.removeAttribute('aria-invalid');
    for (const line of form.querySelectorAll('.field-error')) line.remove();
    const invalid = unreadable(form);
    if (invalid) return blame(form, failure, invalid);
    button.disabled = true;
    try {
      await send(form, dialog);
      dialog.close();
    } catch (error) {
      blame(form, failure, error);
    } finally {
      button.disabled = false;
    }
  });
  form.querySelector('input, select, textarea')?.focus();
  return dialog;
}

/** The first field in sight whose number, time or date is none; the server would name it in its own terms. */
export function unreadable(form) {
  const control = [...form.elements].find((one) => one.checkVisibility() && Object.hasOwn(KINDS, one.type) && !one.checkValidity());
  return control ? Object.assign(new Error(t(KINDS[control.type], { min: control.min, max: control.max })), { field: control.name }) : null;
}

const KINDS = { number: 'form.number', time: 'form.time', date: 'form.date' };

function blame(form, failure, error) {
  const text = error.code ? sentence(error) : error.message;
  const control = error.field && form.elements.namedItem(error.field);
  const one = control instanceof RadioNodeList ? control[0] : control;
  if (!one) return showError(failure, text);
  one.setAttribute('aria-invalid', 'true');
  const line = h('span', { class: 'error-line field-error', role: 'alert' }, text);
  if (one.closest('.field')) one.closest('.field').append(line);
  else one.after(line);
  one.focus();
  line.scrollIntoView({ block: 'nearest' });
}

/** Something that the page itself found wrong. */
export const wrong = (name, key) => Object.assign(new Error(t(key)), { field: name });

/** Asks once before something is taken away. */
export function confirmDialog(title, text, run, { yes = t('form.yes') } = {}) {
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const button = h('button', { class: 'button danger', type: 'button', data: { act: 'confirm' }, onclick: async () => {
    button.disabled = true;
    try {
      await run();
      dialog.close();
    } catch (error) {
      button.disabled = false;
      showError(failure, sentence(error));
    }
  } }, yes);
  const dialog = openDialog(title, h('div', { class: 'form' }, h('p', {}, text), failure,
    h('div', { class: 'dialog-acts' }, h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('form.cancel')), button)));
  button.focus();
}
