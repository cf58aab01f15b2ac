// Areas: what they are called, who is responsible, and when somebody last seen there is off and absent.

import { api, get } from './api.js';
import { cameraName } from './camera-manager.js';
import { field, formDialog, input, select } from './form.js';
import { t } from './i18n.js';
import { nameOf } from './people-picker.js';
import { changesEmployees, load, store } from './store.js';
import { table } from './table.js';
import { exactDuration } from './time.js';
import { emptyState, h } from './utils.js';

export async function renderAreas() {
  const [areas, policies] = await Promise.all([get('/api/areas'), get('/api/policies')]);
  if (areas.length === 0) return h('div', { class: 'panel' }, emptyState('cpu', t('areas.empty'), t('areas.empty.how')));
  const own = (seconds) => (seconds === null ? t('areas.asSite') : exactDuration(seconds));
  return [h('p', { class: 'muted' }, t('areas.how')), table([
    { label: t('areas.name'), cell: (area) => area.name },
    { label: t('devices.cameras'), cell: (area) => area.cameras.map(cameraName).join(', ') || '–' },
    { label: t('areas.supervisor'), cell: (area) => (area.supervisor ? nameOf(area.supervisor) : '–') },
    { label: t('organisation.policy'), cell: (area) => area.policy ?? '–' },
    { label: t('settings.off'), number: true, cell: (area) => own(area.off_after_s) },
    { label: t('settings.absent'), number: true, cell: (area) => own(area.absent_after_s) },
  ], areas, { open: changesEmployees() ? (area) => openArea(area, policies) : null })];
}

function openArea(area, policies) {
  const { presence } = store.me;
  const seconds = (key, site) => input(key, area[key], { type: 'number', min: 1, max: 86_400, step: 1, inputmode: 'numeric', placeholder: String(site) });
  const people = [...store.employees].sort((a, b) => a.name.localeCompare(b.name)).map((person) => [person.id, `${person.name} (${person.id})`]);
  formDialog(t('areas.edit', { name: area.name }), [
    field(t('areas.name'), input('name', area.name, { maxlength: 100, required: true })),
    field(t('areas.supervisor'), select('supervisor', area.supervisor, [['', '–'], ...people]), t('areas.supervisor.hint')),
    field(t('organisation.policy'), select('policy', area.policy, [['', t('areas.policy.none')], ...policies.map((one) => [one.name, one.name])])),
    h('div', { class: 'form-pair' },
      field(t('areas.off'), seconds('off_after_s', presence.off_after_s), t('areas.seconds.hint', { usual: presence.off_after_s })),
      field(t('areas.absent'), seconds('absent_after_s', presence.absent_after_s), t('areas.seconds.hint', { usual: presence.absent_after_s }))),
  ], async (form) => {
    const number = (name) => (form.elements[name].value === '' ? null : Number(form.elements[name].value));
    await api('PATCH', `/api/areas/${encodeURIComponent(area.id)}`, { name: form.elements.name.value.trim(),
      supervisor: form.elements.supervisor.value || null, policy: form.elements.policy.value || null,
      off_after_s: number('off_after_s'), absent_after_s: number('absent_after_s') });
    await load('areas');
  });
}
