// How every page looks and speaks: both languages, light and dark, desk and phone. Nothing is cut off, overlaps or scrolls
// sideways, and axe-core has no serious complaint.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import * as system from './system.mjs';
import { DESK, HADIR_SCREENSHOTS, PHONE, STEP_MS, launch, login } from './system.mjs';

const run = promisify(execFile);

const PAGES = ['live', 'alerts', 'employees', 'patterns', 'reports', 'organisation', 'organisation?tab=areas', 'organisation?tab=schedules',
  'organisation?tab=holidays', 'organisation?tab=leaves', 'organisation?tab=policies', 'devices', 'settings'];
/** No page of the tests is longer; a picture has to end somewhere. */
const MAX_HEIGHT = 8000;
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;
const complaints = [];
const foreign = [];

/** Everything on the page that is drawn wrong. */
const wrong = (page) => page.evaluate(() => {
  const found = [];
  const name = (el) => `${el.tagName.toLowerCase()}.${String(el.className?.baseVal ?? el.className).split(' ')[0]} "${(el.getAttribute('aria-label') ?? el.textContent ?? '').trim().slice(0, 40)}"`;
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const visible = (el) => el.checkVisibility() && el.getBoundingClientRect().width > 2;
  for (const el of document.querySelectorAll('button, .button, .nav a, h1, h2, h3, th, label > span, .tag, .total span, .total b')) {
    if (!visible(el) || el.closest('.sr-only')) continue;
    const style = getComputedStyle(el);
    // What is shortened with dots is meant to be; words on buttons and headings are not.
    const clipped = style.overflow !== 'visible' || el.matches('button, .button');
    if (clipped && style.textOverflow !== 'ellipsis' && el.scrollWidth > el.clientWidth + 1) found.push(`${name(el)} is cut off`);
    if (el.matches('.nav a')) {
      const word = el.querySelector('span');
      if (word.scrollWidth > word.clientWidth + 1) found.push(`${name(el)} is shortened`);
    }
  }
  const targets = [...document.querySelectorAll('button, a.button, input, select, summary, textarea')]
    .filter((el) => visible(el) && !el.closest('.nav, .stage, .grid-tile, .sr-only') && !el.matches('.sr-only, [type="hidden"]'));
  const boxes = targets.map((el) => el.getBoundingClientRect());
  for (let i = 0; i < targets.length; i += 1) {
    for (let j = i + 1; j < targets.length; j += 1) {
      if (targets[i].contains(targets[j]) || targets[j].contains(targets[i])) continue;
      const [a, b] = [boxes[i], boxes[j]];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && tall > 2) found.push(`${name(targets[i])} overlaps ${name(targets[j])}`);
    }
  }
  return found;
});

/** Makes a window as tall as what it shows: a picture would else end where the page scrolls. */
async function unroll(page, viewport) {
  const height = await page.evaluate(() => {
    const content = document.querySelector('.content');
    return Math.max(innerHeight, document.documentElement.scrollHeight, innerHeight + content.scrollHeight - content.clientHeight);
  });
  await page.setViewportSize({ ...viewport, height: Math.min(height, MAX_HEIGHT) });
}

/** What axe-core finds serious or worse. */
async function serious(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.slice(0, 3).map((node) => node.target.join(' ')).join('; ')})`);
}

const settle = async (page, view) => {
  const [name, query] = view.split('?');
  await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
  const first = name === 'live' ? '#tracking-list .row' : query ? '#organisation-tab:not([aria-busy="true"]) > *' : `#view-${name} h1`;
  await page.locator(first).first().waitFor();
  if (name === 'patterns') await page.locator('[data-chart="days"][data-drawn="true"]').waitFor();
  if (name === 'reports') await page.locator('#reports-tables table').first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[aria-busy="true"]').length === 0, null, { timeout: STEP_MS });
};

describe('look', { concurrency: false }, () => {
  before(async () => {
    browser = await launch();
  }, { timeout: 90_000 });

  after(async () => {
    await browser?.close();
  }, { timeout: 30_000 });

  for (const [screen, viewport] of Object.entries({ desk: DESK, phone: PHONE })) {
    for (const theme of ['light', 'dark']) {
      test(`${screen}, ${theme}`, { timeout: 240_000 }, async () => {
        const touch = screen === 'phone';
        const context = await browser.newContext({ viewport, colorScheme: theme, locale: 'id-ID', hasTouch: touch, isMobile: touch, deviceScaleFactor: 1 });
        const page = await context.newPage();
        system.watch(page, complaints, foreign);
        const found = [];
        try {
          await page.goto(system.HADIR_URL);
          found.push(...(await serious(page)).map((text) => `login: ${text}`));
          await login(page);
          for (const language of ['id', 'en']) {
            await page.evaluate((code) => localStorage.setItem('hadir.language', code), language);
            await page.reload();
            await page.locator('#app').waitFor();
            for (const view of PAGES) {
              await settle(page, view);
              found.push(...(await wrong(page)).map((text) => `${language} ${view}: ${text}`));
              // The words differ, the parts do not.
              if (language === 'id') found.push(...(await serious(page)).map((text) => `${view}: ${text}`));
              await unroll(page, viewport);
              await system.screenshot(page, `look/${screen}-${theme}-${language}-${view.replace('?tab=', '-')}`);
              await page.setViewportSize(viewport);
            }
          }
        } finally {
          await context.close();
        }
        assert.deepEqual(found, []);
      });
    }
  }

  test('a printed report has everybody and nothing to press', { timeout: 120_000, skip: !HADIR_SCREENSHOTS && 'HADIR_SCREENSHOTS is not set' }, async () => {
    // Dark as it may be on the screen, paper is light.
    const context = await browser.newContext({ viewport: DESK, colorScheme: 'dark', locale: 'id-ID' });
    try {
      const page = await context.newPage();
      system.watch(page, complaints, foreign);
      await login(page);
      for (const view of ['reports', 'alerts', 'patterns']) {
        await settle(page, view);
        const file = path.join(HADIR_SCREENSHOTS, 'look', `print-${view}.pdf`);
        await page.pdf({ path: file, preferCSSPageSize: true, printBackground: false });
        await run('pdftoppm', ['-png', '-r', '60', file, file.replace('.pdf', '')]);
        if (view !== 'reports') continue;
        const { stdout: text } = await run('pdftotext', ['-layout', file, '-']);
        const { people } = await system.ask(page, `/api/reports/daily?date=${new Date().toLocaleDateString('en-CA', { timeZone: (await system.ask(page, '/api/me')).site.timezone })}`);
        assert.ok(people.length > 0);
        for (const { name } of people) assert.ok(text.includes(name), `${name} is in print`);
        for (const word of ['CSV', 'XLSX', 'Cetak', 'Pengaturan']) assert.ok(!text.includes(word), `${word} is not in print`);
      }
    } finally {
      await context.close();
    }
  });

  test('no error in the console, and nothing asked of anybody else', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  });
});
