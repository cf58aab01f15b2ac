// Enrolling a face: photographs are sent one by one, so that each gets its own verdict in words.
// The photograph is checked and turned into a template by the aggregator; nothing of it is kept here.

import { api, employeePath } from './api.js';
import { eraseProgress, reloadEmployees } from './employee-manager.js';
import { t } from './i18n.js';
import { store } from './store.js';
import { h, icon, openDialog, sentence, setIcon, setText, showError } from './utils.js';

const MAX_BYTES = 12 * 1024 * 1024;
const UPLOAD_TIMEOUT_MS = 60_000;

/** Opens the dialog for an employee; `edit` opens the form where consent is recorded. */
export function openEnrolment(id, edit) {
  const person = () => store.employees.find((other) => other.id === id);
  const { name } = person();
  const count = h('p', { class: 'muted', role: 'status' });
  const body = h('div', { class: 'form' }, count);
  let previews = [];
  const dialog = openDialog(t('enrol.title', { name }), body, {
    onclose: () => {
      for (const url of previews) URL.revokeObjectURL(url);
      previews = [];
    },
  });
  const recount = () => setText(count, t('enrol.count', { n: person()?.photos ?? 0 }));
  recount();

  if (!person().consent) {
    body.append(h('p', { class: 'warn-line' }, icon('lock'), t('enrol.noConsent', { name })),
      h('div', { class: 'dialog-acts' }, h('button', { class: 'button primary', type: 'button', onclick: () => {
        dialog.close();
        edit(person());
      } }, t('enrol.recordConsent'))));
    return;
  }

  const results = h('ul', { class: 'photo-results', 'aria-label': t('enrol.results'), 'aria-live': 'polite' });
  const chooser = h('input', { type: 'file', accept: 'image/jpeg,image/png', multiple: true, class: 'sr-only', id: 'photo-input' });
  const drop = h('div', { class: 'drop' }, icon('image-plus', 'icon large'), h('p', {}, t('enrol.drop')), chooser,
    h('label', { class: 'button primary', for: 'photo-input' }, t('enrol.choose')), h('p', { class: 'hint' }, t('enrol.hint')));
  body.append(drop, results, eraser());

  chooser.addEventListener('change', () => {
    take([...chooser.files]);
    chooser.value = '';
  });
  for (const type of ['dragenter', 'dragover']) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add('over');
    });
  }
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    take([...event.dataTransfer.files]);
  });
  // A photograph dropped beside the field must not replace the page.
  dialog.addEventListener('dragover', (event) => event.preventDefault());
  dialog.addEventListener('drop', (event) => event.preventDefault());

  let queue = Promise.resolve();

  function take(files) {
    for (const file of files) {
      const url = URL.createObjectURL(file);
      previews.push(url);
      const picture = h('img', { src: url, alt: '', width: '56', height: '56' });
      picture.addEventListener('error', () => picture.classList.add('broken'));
      const symbol = icon('hourglass');
      const verdict = h('span', {}, t('enrol.waiting'));
      const item = h('li', { class: 'photo-result', data: { verdict: 'waiting' } }, picture,
        h('div', {}, h('span', { class: 'photo-name' }, file.name), h('span', { class: 'photo-verdict' }, symbol, verdict)));
      results.prepend(item);
      const say = (state, text) => {
        item.dataset.verdict = state;
        setIcon(symbol, { checking: 'hourglass', ok: 'circle-check', refused: 'circle-x' }[state]);
        setText(verdict, text);
      };
      queue = queue.then(() => send(file, say));
    }
  }

  async function send(file, say) {
    if (file.size > MAX_BYTES) return say('refused', t('photo.too_large'));
    if (file.type && !['image/jpeg', 'image/png'].includes(file.type)) return say('refused', t('photo.type'));
    say('checking', t('enrol.checking'));
    const form = new FormData();
    form.append('photo', file, file.name);
    try {
      await api('POST', employeePath(id, '/photos'), form, { timeout: UPLOAD_TIMEOUT_MS });
      say('ok', t('enrol.ok'));
    } catch (error) {
      if (error.code === 'too_large') say('refused', t('photo.too_large'));
      else if (error.code === 'unsupported') say('refused', t('photo.type'));
      else say('refused', sentence(error));
      return;
    }
    await refreshed();
  }

  /** The page's copy of the employees follows; the verdict stands even if that fails. */
  async function refreshed() {
    await reloadEmployees().catch(() => {});
    recount();
    erase.hidden = !(person()?.photos > 0);
  }

  function eraser() {
    const box = h('div', { class: 'eraser', id: 'eraser', hidden: !(person().photos > 0) });
    const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
    const ask = () => {
      const yes = h('button', { class: 'button danger', type: 'button', onclick: async () => {
        yes.disabled = true;
        try {
          const result = await api('DELETE', employeePath(id, '/photos'));
          await refreshed();
          box.hidden = false;
          box.replaceChildren(eraseProgress(result.gallery_version));
        } catch (error) {
          yes.disabled = false;
          showError(failure, sentence(error));
        }
      } }, icon('trash-2'), t('enrol.erase.yes'));
      box.replaceChildren(h('p', {}, t('enrol.erase.sure', { n: person().photos, name })), failure,
        h('div', { class: 'dialog-acts' }, h('button', { class: 'button', type: 'button', onclick: start }, t('form.cancel')), yes));
    };
    const start = () => box.replaceChildren(h('button', { class: 'button', type: 'button', onclick: ask }, icon('trash-2'), t('enrol.erase')));
    start();
    return box;
  }
  const erase = body.querySelector('#eraser');
}
