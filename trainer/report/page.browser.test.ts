import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createRandom } from '../random.ts';
import { renderPage } from './page.ts';
import { annotationLine, writeSyntheticRun } from './testdata.ts';
import { findBrowser, gatherAt } from './testing.ts';
import { visibleText } from './tokens.ts';

const executable = findBrowser();
const NASTY = [
  '</script><script>window.hit=1</script>',
  '<img src=x onerror="window.hit=1">',
  '\u202eabc',
  '\n',
  ' ',
  '\t',
  '&amp;',
];

let directory: string;
let browser: Browser;
let url: string;
let tokenTexts: string[];

/** Installed browsers only: without one these are skipped, and listed as such. */
describe.skipIf(executable === undefined)('the page in a browser', () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cft-browser-'));
    writeSyntheticRun(directory, { responses: 6, questions: 400, steps: 60, datasets: ['held-out', 'other'] });
    const file = join(directory, 'annotations/shard-00000-of-00002.jsonl');
    tokenTexts = [...NASTY, '<|end|>'];
    const response = { question: NASTY.join(' '), answer: '<b>1</b>', tokens: tokenTexts };
    // All tokens critical: the response comes last, beyond the others.
    const line = annotationLine('nasty', response, createRandom(1), 2);
    const all = tokenTexts.map(() => 1);
    writeFileSync(
      file,
      `${JSON.stringify({ ...line, masks: { 'strict-2': all, 'strict-3': all } })}\n${readFileSync(file, 'utf8')}`,
    );
    const page = join(directory, 'index.html');
    writeFileSync(page, renderPage(await gatherAt(directory)));
    url = `file://${page}`;
    browser = await chromium.launch({
      executablePath: executable ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
    });
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** The page open at a size, with what it asked for and complained of. */
  async function open(
    options: BrowserContextOptions = {},
  ): Promise<{ page: Page; requests: string[]; errors: string[] }> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const requests: string[] = [];
    const errors: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(url);
    return { page, requests, errors };
  }

  test('it loads nothing but itself and complains of nothing', async () => {
    const { page, requests, errors } = await open();
    await page
      .locator('details')
      .last()
      .evaluate((details: HTMLDetailsElement) => {
        details.open = true;
      });
    await page.locator('.t').first().hover();
    await page.locator('.plot').first().hover();
    expect(requests.filter((request) => request !== url && !request.startsWith('data:'))).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('texts that look like markup stay texts, and none of them runs', async () => {
    const { page } = await open();
    const last = page.locator('.example').last();
    expect(await last.locator('.t').allTextContents()).toEqual(tokenTexts.map(visibleText));
    expect(await last.locator('.question').textContent()).toBe(NASTY.join(' '));
    expect(await page.evaluate('window.hit')).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
  });

  test('keyboard: one tab stop a response, arrows move, the box follows the focus and Escape closes it', async () => {
    const { page } = await open();
    const example = page.locator('.example').first();
    const tip = page.locator('#tip');
    expect(await example.locator('.t[tabindex="0"]').count()).toBe(1);
    expect(await tip.isVisible()).toBe(false);
    await example.locator('.t[tabindex="0"]').focus();
    expect(await tip.isVisible()).toBe(true);
    const first = await tip.textContent();
    await page.keyboard.press('ArrowRight');
    expect(await tip.textContent()).not.toBe(first);
    await page.keyboard.press('ArrowDown');
    expect(await tip.textContent()).toMatch(/critical \(strict-[23]/);
    expect(await tip.textContent()).toContain('leads to');
    expect(await page.locator(':focus').getAttribute('aria-describedby')).toBe('tip');
    await page.keyboard.press('Escape');
    expect(await tip.isVisible()).toBe(false);
  });

  test('keyboard: a chart tells its values step by step', async () => {
    const { page } = await open();
    const plot = page.locator('.plot').first();
    await plot.focus();
    await page.keyboard.press('Home');
    const start = await plot.getAttribute('aria-valuetext');
    expect(start).toMatch(/^step \d+, sft/);
    expect(await page.locator('#tip').textContent()).toContain('sft 1e-4');
    await page.keyboard.press('ArrowRight');
    expect(await plot.getAttribute('aria-valuetext')).not.toBe(start);
    expect(await plot.getAttribute('aria-valuenow')).toBe('1');
  });

  test('the box stays inside the window and off what it is about', async () => {
    const { page } = await open({ viewport: { width: 900, height: 500 } });
    for (const token of await page.locator('.example').nth(1).locator('.t').all()) {
      await token.hover();
      const [box, own] = [await page.locator('#tip').boundingBox(), await token.boundingBox()];
      if (box === null || own === null) throw new Error('the box is not shown');
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(900);
      expect(box.y + box.height <= own.y || box.y >= own.y + own.height || box.x >= own.x + own.width).toBe(true);
    }
  });

  test.for([320, 390, 768, 1280])('at %i pixels nothing reaches beyond the side of the page', async (width) => {
    const { page } = await open({ viewport: { width, height: 800 } });
    for (const details of await page.locator('details').all())
      await details.evaluate((element: HTMLDetailsElement) => {
        element.open = true;
      });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  });

  test('touch: a tap shows the box, also one on a chart right after one on a token', async () => {
    const { page } = await open({ viewport: { width: 390, height: 800 }, hasTouch: true });
    const tip = page.locator('#tip');
    await page.locator('.example').first().locator('.c3').first().tap();
    expect(await tip.textContent()).toContain('leads to');
    await page.locator('.plot').nth(1).tap();
    expect(await tip.isVisible()).toBe(true);
    expect(await tip.textContent()).toContain('step ');
  });

  test('printed, everything that is folded is there', async () => {
    const { page } = await open();
    const hidden = page.locator('details .example').first();
    expect(await hidden.isVisible()).toBe(false);
    await page.evaluate('dispatchEvent(new Event("beforeprint"))');
    expect(await hidden.isVisible()).toBe(true);
    await page.evaluate('dispatchEvent(new Event("afterprint"))');
    expect(await hidden.isVisible()).toBe(false);
  });

  test.for(['light', 'dark'] as const)('axe finds no accessibility problem in %s colours', async (colorScheme) => {
    const { page } = await open({ colorScheme });
    for (const details of await page.locator('details').all())
      await details.evaluate((element: HTMLDetailsElement) => {
        element.open = true;
      });
    await page.locator('.example').first().locator('.c3').first().focus();
    // The page's own policy forbids inline scripts: the audit goes in through the debugger.
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    const found = (await page.evaluate('axe.run()')) as {
      violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
    };
    const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
    expect(told).toEqual([]);
  });
});
