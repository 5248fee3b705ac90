import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../operator/kube/objects.ts';
import { binariesDirectory, provideBinaries } from './binaries.ts';

/** The chart. */
export const CHART = join(import.meta.dirname, '..', '..', 'helm');

const PROGRAM = join(binariesDirectory(), 'helm');

/** Whether Helm is built. CFT_CLUSTER_TESTS=1 asks to build it with the programs of a cluster, which takes minutes. */
export const hasHelm = existsSync(PROGRAM) || process.env.CFT_CLUSTER_TESTS === '1';

/** Builds Helm where it is not. */
export async function provideHelm(): Promise<void> {
  if (!existsSync(PROGRAM)) await provideBinaries();
}

/**
 * Runs Helm and gives its output.
 *
 * @throws with what it said
 */
export async function helm(args: readonly string[], kubeconfig?: string): Promise<string> {
  // Nothing of the user's own Helm may be read or written.
  const home = join(tmpdir(), 'cft-helm');
  const own = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
  const env = { ...process.env, ...own, ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }) };
  const { stdout } = await promisify(execFile)(PROGRAM, args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Values by their path in `values.yaml`, such as `image.tag`. */
export type Values = Readonly<Record<string, unknown>>;

/** Flags that set values as they are: a text stays a text, also where it looks like a number. */
export function values(set: Values): string[] {
  return Object.entries(set).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
}

/** Every switch that is off by default. */
export const ALL_ON: Values = Object.fromEntries(
  ['podDisruptionBudget', 'networkPolicy', 'serviceMonitor', 'podMonitor', 'prometheusRule', 'dashboards'].map(
    (part) => [`${part}.enabled`, true],
  ),
);

/** An object of the chart, read as whatever is expected of it. */
// biome-ignore lint/suspicious/noExplicitAny: the tests look into objects of a dozen kinds
export type Rendered = KubeObject & Readonly<Record<string, any>>;

/** The objects of a release named cft in the namespace cft-system. */
export async function render(set: Values = {}, release = 'cft'): Promise<Rendered[]> {
  const text = await helm(['template', release, CHART, '-n', 'cft-system', ...values(set)]);
  return parseAllDocuments(text).flatMap((document) => document.toJS() ?? []);
}

/** The only object of a kind. @throws Error if there is none, or another one */
export function only(objects: readonly Rendered[], kind: string): Rendered {
  const [object, ...more] = objects.filter((one) => one.kind === kind);
  if (object === undefined || more.length > 0) throw new Error(`not exactly one ${kind}`);
  return object;
}
