// The dashboard in headless Chromium against a running aggregator with at least one camera that sees people.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import * as system from './system.mjs';
import { DESK, HADIR_PASSWORD, HADIR_PHONES, HADIR_URL, HADIR_USER, PHONE, RECOGNITION_MS, STEP_MS, launch, until } from './system.mjs';

let browser;
let context;
let page;
const complaints = [];
const foreign = [];

const watch = (watched) => system.watch(watched, complaints, foreign);
const screenshot = (name, options = {}, of = page) => system.screenshot(of, name, options);
const ask = (address) => system.ask(page, address);

const PLACEMENT = { faces: 'terlalu sedikit wajah', size: 'wajah terlalu kecil', sharpness: 'kurang tajam', light: 'cahaya kurang baik', angle: 'sudut kurang baik' };
const stage = () => page.evaluate(() => ({ ...document.getElementById('stage').dataset }));

/** What the canvas shows, as a hash; and whether it shows anything but one colour. */
async function canvas() {
  const picture = await page.evaluate(() => {
    const el = document.getElementById('picture');
    const { data } = el.getContext('2d').getImageData(0, 0, el.width, el.height);
    let varied = false;
    for (let i = 4; i < data.length && !varied; i += 4) varied = data[i + 3] > 0 && Math.abs(data[i] - data[0]) > 16;
    return { url: el.toDataURL('image/png'), varied };
  });
  return { hash: createHash('sha256').update(picture.url).digest('hex'), varied: picture.varied };
}

const pressed = (camera) => page.locator(`.camera-button[data-camera="${camera}"][aria-pressed="true"]`);

describe('dashboard', { concurrency: false }, () => {
  before(async () => {
    browser = await launch();
    context = await browser.newContext({ viewport: DESK, locale: 'id-ID' });
    page = await context.newPage();
    watch(page);
  }, { timeout: 90_000 });

  after(async () => {
    await browser?.close();
  }, { timeout: 30_000 });

  test('a wrong password is refused in a sentence', { timeout: 60_000 }, async () => {
    await page.goto(HADIR_URL);
    await page.fill('#login-username', HADIR_USER);
    await page.fill('#login-password', `${HADIR_PASSWORD}-wrong`);
    await page.click('#login-submit');
    const line = page.locator('#login-error');
    await line.waitFor();
    assert.match(await line.textContent(), /tidak cocok/);
    assert.equal(await page.locator('#app').isVisible(), false);
  });

  test('logging in shows site, time and the registered cameras', { timeout: 60_000 }, async () => {
    await page.fill('#login-password', HADIR_PASSWORD);
    await page.click('#login-submit');
    await page.locator('#app').waitFor();
    const me = await ask('/api/me');
    assert.equal(await page.locator('#site-name').textContent(), me.site.name);
    assert.match(await page.locator('#clock-time').textContent(), /^\d\d:\d\d:\d\d$/);
    const cameras = await ask('/api/cameras');
    assert.ok(cameras.length > 0, 'the system has a camera');
    await until('every camera has a button', STEP_MS, async () => await page.locator('.camera-button').count() === cameras.length);
    assert.equal(await page.locator('#threshold-banner').isVisible(),
      JSON.stringify(me.presence) !== JSON.stringify(me.defaults), 'unusual thresholds are announced');
  });

  test('the live picture moves and a recognised person is named', { timeout: RECOGNITION_MS + 60_000 }, async () => {
    await until('a live picture', 60_000, async () => (await stage()).state === 'live');
    const first = await canvas();
    assert.ok(first.varied, 'the canvas shows a picture');
    const frames = Number((await stage()).frames);
    await until('a different picture', STEP_MS, async () => (await canvas()).hash !== first.hash);
    await until('ten more frames', 30_000, async () => Number((await stage()).frames) >= frames + 10);
    const name = await until('a name on the picture', RECOGNITION_MS, () => page.evaluate(() =>
      document.querySelector('#people li[data-employee]')?.textContent));
    const employees = await ask('/api/employees');
    assert.ok(employees.some((person) => person.name === name), `${name} is a registered employee`);
    await screenshot('live');
  });

  test('every registered employee has a row, and the summary adds up', { timeout: 60_000 }, async () => {
    const status = await ask('/api/status');
    await until('a row for everybody', STEP_MS, async () => await page.locator('#tracking-list .row').count() === status.length);
    const summary = await ask('/api/summary');
    assert.equal(summary.present + summary.absent + summary.off + summary.unknown + summary.exempt, summary.total);
    await until('the summary shows the total', STEP_MS, async () =>
      await page.locator('.tile[data-key="total"] .tile-number').textContent() === String((await ask('/api/summary')).total));
  });

  test('track location switches the live feed to the person\'s camera', { timeout: RECOGNITION_MS + 90_000 }, async () => {
    const cameras = await ask('/api/cameras');
    const row = await until('somebody seen on a camera', RECOGNITION_MS, async () =>
      (await ask('/api/status')).find((one) => one.camera && cameras.some((camera) => camera.id === one.camera && camera.state === 'streaming')));
    const other = cameras.find((camera) => camera.id !== row.camera);
    if (other) {
      await page.click(`.camera-button[data-camera="${other.id}"]`);
      await pressed(other.id).waitFor();
      assert.equal((await stage()).camera, other.id);
    }
    const locate = page.locator(`.row[data-employee="${row.employee}"] .locate`);
    await locate.click();
    const where = async () => (await ask('/api/status')).find((one) => one.employee === row.employee).camera;
    // The person may walk on in this very moment; then the panel follows.
    const camera = await until('the person\'s camera is shown', 30_000, async () => {
      const now = await where();
      return (await stage()).camera === now && await pressed(now).count() === 1 ? now : null;
    });
    assert.equal(await locate.getAttribute('aria-pressed'), 'true');
    assert.equal(await page.locator('#tracked').isVisible(), true);
    await until(`frames of ${camera}`, 45_000, async () => {
      const now = await stage();
      return now.camera === await where() && now.state === 'live' && Number(now.frames) > 3;
    });
    await screenshot('track-location');
  });

  test('an employee is added and, with the name typed, deleted', { timeout: 90_000 }, async () => {
    const name = `Uji Coba ${Date.now()}`;
    await page.click('.nav a[data-view="employees"]');
    await page.click('#employee-add');
    await page.click('dialog .button.primary');
    assert.match(await page.locator('#error-name').textContent(), /Isi nama/, 'an empty name is refused where it is');
    await page.fill('dialog [name="name"]', name);
    await page.fill('dialog [name="phone"]', '0812 3456 789');
    await page.check('dialog [name="consent"]');
    await page.click('dialog .button.primary');
    const line = page.locator('#employee-table tr', { hasText: name });
    await line.waitFor();
    const added = (await ask('/api/employees')).find((person) => person.name === name);
    assert.ok(added, 'GET /api/employees lists the new employee');
    assert.match(added.phone, /^\+\d+$/);
    assert.ok(added.consent, 'the consent is recorded');
    await screenshot('employees');

    await line.locator('[data-act="delete"]').click();
    const confirm = page.locator('dialog .button.danger');
    await page.fill('dialog [name="confirm"]', name.slice(0, -1));
    assert.equal(await confirm.isDisabled(), true, 'half a name does not delete');
    await page.fill('dialog [name="confirm"]', name);
    await screenshot('delete');
    await confirm.click();
    await page.locator('dialog .good-line').waitFor();
    await page.click('dialog .button.primary');
    await line.waitFor({ state: 'detached' });
    assert.equal((await ask('/api/employees')).some((person) => person.id === added.id), false);
    assert.equal((await ask('/api/status')).some((row) => row.employee === added.id), false);
  });

  test('the language is switched on the spot', { timeout: 60_000 }, async () => {
    await page.click('.header-language [data-language="en"]');
    assert.equal(await page.locator('.nav a[data-view="employees"] span').textContent(), 'Employees');
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
    await page.click('.nav a[data-view="alerts"]');
    await page.locator('#view-alerts h1', { hasText: 'Alerts' }).waitFor();
    await screenshot('alerts-en');
    await page.click('.header-language [data-language="id"]');
    await page.locator('#view-alerts h1', { hasText: 'Peringatan' }).waitFor();
  });

  test('the devices page tells why faces were not used, and what has to be looked into', { timeout: 60_000 }, async () => {
    const counts = { frames: 9, skipped: 0, unknown_tracks: 2,
      rejected: { too_small: 12, turned_away: 3, reason_of_tomorrow: 1 },
      measured: { too_small: { last: 6.1, limit: 8 }, turned_away: { last: 71.4, limit: 65 } } };
    const changed = { counts, state: 'offline', cause: 'login', problem: 'the camera at rtsp://10.0.0.9 does not work: it refuses' };
    const at = new Date().toISOString();
    // The camera check of gate-1 was run; its agent tells of it with its next status.
    await until('the placement of one camera', STEP_MS, async () => (await ask('/api/cameras')).some((camera) => camera.placement !== null));
    const [first, second] = await ask('/api/cameras');
    assert.equal(second.placement, null);
    await page.route('**/api/cameras', async (route) => {
      const cameras = await (await route.fetch()).json();
      await route.fulfill({ json: cameras.map((camera) => ({ ...camera, ...changed })) });
    });
    await page.route('**/api/agents', async (route) => {
      const agents = await (await route.fetch()).json();
      await route.fulfill({ json: agents.map((agent) => ({ ...agent, clock_offset_ms: 7_260_000, cause: 'camera_files', problem: 'cam-9.toml: line 3' })) });
    });
    await page.route('**/api/set-aside', (route) => route.fulfill({ json: [{ at, agent: 'gate-1', reason: 'more than 30 days old', count: 4 },
      { at, agent: 'gate-1', reason: 'from camera cam-7, which is not this agent\'s', count: 1 }, { at, agent: 'gate-1', reason: 'of a reason of tomorrow', count: 1 }] }));
    await page.route('**/api/badge-conflicts', (route) => route.fulfill({
      json: [{ employee: 'EMP101', name: 'Joe Biden', camera: first.id, other: second.id, shown_at: at }] }));
    try {
      await page.reload();
      await page.click('.nav a[data-view="devices"]');
      const text = async () => (await page.locator('#view-devices').innerText()).replaceAll(/\s+/g, ' ');
      await page.locator('#view-devices h2', { hasText: 'Kartu di dua tempat' }).waitFor();
      for (const words of ['12 × wajah terlalu kecil jarak mata 6 px, perlu 8', '3 × wajah menoleh 71°, paling banyak 65°',
        '1 × reason_of_tomorrow', '2 wajah tanpa nama', 'belum diperiksa',
        // As `camera check` found it on a recording of this run.
        ...(first.placement.wrong.length === 0 ? ['baik · jarak mata'] : first.placement.wrong.map((what) => PLACEMENT[what])), 'kamera menolak nama pengguna atau kata sandi', 'the camera at rtsp://10.0.0.9 does not work',
        'berkas kamera pada perangkat bermasalah', 'cam-9.toml: line 3', 'salah 7260 dtk', 'lebih dari 30 hari yang lalu', 'kamera cam-7 bukan milik perangkat ini', 'of a reason of tomorrow', 'Joe Biden']) {
        assert.ok((await text()).includes(words), `${words} in: ${await text()}`);
      }
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no sideways scroll');
      await screenshot('devices', { fullPage: true });
    } finally {
      await page.unrouteAll({ behavior: 'wait' });
      await page.reload();
      await page.click('.nav a[data-view="live"]');
    }
  });

  test('the help panel explains the hierarchy with somebody of this company', { timeout: 60_000 }, async () => {
    const person = (await ask('/api/employees')).find((one) => one.supervisor);
    const superior = (await ask('/api/employees')).find((one) => one.id === person.supervisor);
    await page.click('#help-button');
    const help = page.locator('dialog', { hasText: 'Hierarki' });
    await help.locator('select').selectOption(person.id);
    await help.locator('.climb li', { hasText: superior.name }).first().waitFor();
    await screenshot('help');
    await help.locator('.dialog-head button').click();
  });

  test('thresholds are set where they are shown, and refused in a sentence', { timeout: 60_000 }, async () => {
    const before = await ask('/api/me');
    await page.click('#settings-button');
    const form = page.locator('[data-setting="thresholds"] form');
    await form.locator('[name="off_after_s"]').fill('9000');
    await form.locator('button:not([type])').click();
    await form.locator('.error-line', { hasText: '3600' }).waitFor();
    await form.locator('[name="off_after_s"]').fill(String(before.presence.off_after_s + 1));
    await form.locator('button:not([type])').click();
    await until('the threshold is in force', STEP_MS, async () =>
      (await ask('/api/me')).presence.off_after_s === before.presence.off_after_s + 1);
    await form.locator('button[type="button"]').click();
    await until('it is as before', STEP_MS, async () => (await ask('/api/me')).presence.off_after_s === before.presence.off_after_s);
    // The refusal was asked for.
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes('400')));
  });

  test('on a phone nothing is cut off and every target can be hit', { timeout: 90_000 }, async () => {
    const phone = await browser.newContext({ viewport: PHONE, hasTouch: true, isMobile: true, deviceScaleFactor: 2,
      locale: 'id-ID', storageState: await context.storageState() });
    const small = await phone.newPage();
    watch(small);
    try {
      await small.goto(HADIR_URL);
      await small.locator('#tracking-list .row').first().waitFor();
      for (const view of ['employees', 'alerts', 'devices', 'live']) {
        if (!await small.locator(`.nav a[data-view="${view}"]`).isVisible()) await small.tap('#nav-more');
        await small.tap(`.nav a[data-view="${view}"]`);
        await small.locator(view === 'live' ? '#tracking-list .row' : `#view-${view} h1`).first().waitFor();
        assert.ok(await small.evaluate(() => document.documentElement.scrollWidth) <= PHONE.width, `no sideways scroll in ${view}`);
        const tooSmall = await small.evaluate(() => [...document.querySelectorAll('button, .nav a, .button, select, input, summary')]
          .filter((el) => el.checkVisibility())
          .map((el) => ({ name: el.getAttribute('aria-label') ?? el.textContent.trim(), height: el.getBoundingClientRect().height }))
          .filter(({ height }) => height < 44));
        assert.deepEqual(tooSmall, [], `every target in ${view} is at least 44 pixels high`);
        await small.waitForTimeout(1500);
        await screenshot(`phone-${view}`, {}, small);
      }
    } finally {
      await phone.close();
    }
  });

  test('a lost connection is said, and mended by itself', { timeout: 60_000 }, async () => {
    await page.click('.nav a[data-view="live"]');
    const before = complaints.length;
    await context.setOffline(true);
    await page.locator('#disconnected').waitFor();
    assert.match(await page.locator('#disconnected-seconds').textContent(), /\d+ dtk/);
    await screenshot('disconnected');
    await context.setOffline(false);
    await page.locator('#disconnected').waitFor({ state: 'hidden', timeout: 30_000 });
    // What the browser itself says about an unreachable network in between is expected.
    complaints.splice(before);
  });

  test('the button on the supervisor\'s phone answers the alert',
    { skip: !HADIR_PHONES && 'HADIR_PHONES is not set', timeout: RECOGNITION_MS + 60_000 }, async () => {
      const told = (alert) => alert.history.find((entry) => entry.what === 'message' && entry.recipient_name
        && ['sent', 'delivered', 'read'].includes(entry.message_state));
      const until = async (what, find) => {
        const deadline = Date.now() + RECOGNITION_MS;
        for (;;) {
          const found = (await ask('/api/alerts?state=all')).find(find);
          if (found) return found;
          assert.ok(Date.now() < deadline, what);
          await page.waitForTimeout(300);
        }
      };
      const phone = await browser.newContext({ viewport: PHONE, locale: 'id-ID' });
      try {
        const chat = await phone.newPage();
        chat.setDefaultTimeout(STEP_MS);
        await chat.goto(HADIR_PHONES);
        const alert = await until('somebody is absent and their superior is told', (a) => a.state === 'open' && told(a));
        await chat.locator('button.contact', { hasText: told(alert).recipient_name }).click();
        const message = chat.locator('.message.in', { hasText: alert.name }).filter({ has: chat.locator('button') }).last();
        await message.locator('button', { hasText: /Saya tangani|I have it/ }).click();
        const answered = await until('the alert is answered', (a) => a.id === alert.id && a.acknowledged_at);
        assert.ok(answered.history.some((entry) => entry.what === 'acknowledged'));
        await page.click('.nav a[data-view="alerts"]');
        await page.locator('#view-alerts', { hasText: answered.acknowledged_by }).waitFor();
        await screenshot('alerts-answered');
        await chat.locator('.message.in', { hasText: /Terima kasih|Thank you/ }).first().waitFor();
        await screenshot('phone-whatsapp', {}, chat);

        // Somebody whom nobody registered asks about people here.
        if (await chat.locator('.back').isVisible()) await chat.click('.back');
        await chat.fill('#other input', '+62 899 9000 111');
        await chat.click('#other button');
        await chat.fill('main form input', `where ${alert.name}`);
        await chat.press('main form input', 'Enter');
        await chat.locator('.message.in', { hasText: 'tidak terdaftar' }).waitFor();
        await screenshot('phone-stranger', {}, chat);
      } finally {
        await phone.close();
      }
    });

  test('no error in the console, and nothing asked of anybody else', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  });
});
