import { cpSync, existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addonKey, hasAddon, isLinked, linkAddon } from './addon.ts';

let folder: string;
let packageDir: string;
let home: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cft-addon-'));
  packageDir = join(folder, 'package');
  home = join(folder, 'tensorflow');
  mkdirSync(join(packageDir, 'binding'), { recursive: true });
  mkdirSync(home);
  writeFileSync(join(packageDir, 'binding/a.cc'), 'int a;');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function build(key: string): void {
  mkdirSync(join(home, `addon-${key}`));
  for (const name of ['tfjs_binding.node', 'quiet_start.node']) writeFileSync(join(home, `addon-${key}`, name), key);
}

test('a build is named by its sources and its TensorFlow', () => {
  const key = addonKey(packageDir, home);
  expect(addonKey(packageDir, home)).toBe(key);
  expect(addonKey(packageDir, join(folder, 'another'))).not.toBe(key);
  writeFileSync(join(packageDir, 'binding/a.cc'), 'int b;');
  expect(addonKey(packageDir, home)).not.toBe(key);
});

test('linking puts the addon in place, whatever was there, and again for another build', () => {
  cpSync(join(packageDir, 'binding'), join(packageDir, 'deps/lib'), { recursive: true });
  build('k1');
  expect(hasAddon(home, 'k1')).toBe(true);
  expect(isLinked(packageDir, home)).toBe(false);
  linkAddon(packageDir, home, 'k1');
  expect(isLinked(packageDir, home)).toBe(true);

  const second = join(folder, 'second');
  cpSync(home, second, { recursive: true });
  linkAddon(packageDir, second, 'k1');
  expect(readlinkSync(join(packageDir, 'deps'))).toBe(second);
  expect(isLinked(packageDir, home)).toBe(false);
});

test('a build that was not finished does not count', () => {
  mkdirSync(join(home, 'addon-k2.part-1'));
  expect(hasAddon(home, 'k2')).toBe(false);
  expect(existsSync(join(packageDir, 'lib'))).toBe(false);
});
