import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { baseFiles } from './base.ts';
import type { Target } from './contents.ts';
import { type ImageConfig, imageConfig } from './dockerfile.ts';
import { layOut, PARTS } from './lay-out.ts';

const ROOT = join(import.meta.dirname, '..', '..');

export interface Image {
  /** Such as `cft-operator:0.1.0`: how the chart calls it. */
  readonly name: string;
  readonly config: ImageConfig;
  readonly layers: readonly Layer[];
}

interface Layer {
  readonly part: string;
  readonly digest: string;
  /** In bytes, not compressed. */
  readonly size: number;
}

/**
 * Writes an image of the Dockerfile as an OCI archive, made of what this machine has: the base from its Debian packages, all else as in
 * the Dockerfile's own stages, and the rest from the Dockerfile itself. For test nodes on machines without a container builder. The
 * same files give the same archive.
 */
export async function buildImage(target: Target, path: string): Promise<Image> {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const config = imageConfig(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'), target, version);
  const name = `cft-${target}:${version}`;
  const folder = mkdtempSync(join(tmpdir(), 'cft-image-'));
  try {
    layOut(target, join(folder, 'files'));
    const layers = [await layer(folder, 'base', stageBase(folder, config))];
    for (const part of PARTS) layers.push(await layer(folder, part, ['-C', join(folder, 'files', part), '.']));
    writeArchive(folder, name, config, layers, path);
    return { name, config, layers };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An archive with one layer of files from `root`, for images that are not the project's. */
export async function buildPlainImage(
  name: string,
  root: string,
  files: readonly string[],
  config: Partial<ImageConfig>,
  path: string,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'cft-image-'));
  try {
    const layers = [await layer(folder, 'files', ['-C', root, ...files])];
    writeArchive(folder, name, { Env: [], ExposedPorts: {}, Labels: {}, ...config }, layers, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** tar's arguments for the base: the machine's own files, and what a base image has beside those of its packages. */
function stageBase(folder: string, { WorkingDir = '/' }: ImageConfig): string[] {
  const own = join(folder, 'base');
  for (const name of ['dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'var'])
    mkdirSync(join(own, name), { recursive: true });
  mkdirSync(join(own, WorkingDir), { recursive: true });
  chmodSync(join(own, 'tmp'), 0o1777);
  symlinkSync('/run', join(own, 'var/run'));
  writeFileSync(join(own, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  const list = join(folder, 'base.list');
  writeFileSync(
    list,
    baseFiles()
      .map((file) => `.${file}\n`)
      .join(''),
  );
  return ['-C', own, '.', '-C', '/', '--verbatim-files-from', '-T', list];
}

async function layer(folder: string, part: string, files: readonly string[]): Promise<Layer> {
  const file = join(folder, `${part}.tar`);
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u+rw,a+rX'];
  tar(['-cf', file, '--format=pax', '--pax-option=delete=atime,delete=ctime', '--hard-dereference', ...same, ...files]);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return store(folder, file, part, hash.digest('hex'));
}

function store(folder: string, file: string, part: string, digest: string): Layer {
  const blob = join(folder, 'oci/blobs/sha256', digest);
  mkdirSync(dirname(blob), { recursive: true });
  renameSync(file, blob);
  return { part, digest: `sha256:${digest}`, size: statSync(blob).size };
}

function writeArchive(folder: string, name: string, config: ImageConfig, layers: readonly Layer[], path: string): void {
  const oci = join(folder, 'oci');
  const architecture = { x64: 'amd64' }[process.arch as string] ?? process.arch;
  const type = (kind: string) => `application/vnd.oci.image.${kind}`;
  const json = (part: string, value: object) => {
    const text = JSON.stringify(value);
    const file = join(folder, `${part}.json`);
    writeFileSync(file, text);
    const { digest, size } = store(folder, file, part, createHash('sha256').update(text).digest('hex'));
    return { digest, size };
  };
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const described = json('config', { architecture, os: 'linux', config, rootfs });
  const manifest = json('manifest', {
    schemaVersion: 2,
    mediaType: type('manifest.v1+json'),
    config: { mediaType: type('config.v1+json'), ...described },
    layers: layers.map(({ digest, size }) => ({ mediaType: type('layer.v1.tar'), digest, size })),
  });
  const annotations = { 'io.containerd.image.name': `docker.io/library/${name}` };
  const platform = { architecture, os: 'linux' };
  const index = [{ mediaType: type('manifest.v1+json'), ...manifest, platform, annotations }];
  writeFileSync(join(oci, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: index }));
  writeFileSync(join(oci, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  tar(['-cf', path, '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '-C', oci, '.']);
}

/** Laying another image out links the same files, which changes their inodes, not their bytes: tar's remark on that is no failure. */
const TOUCHED = /: file changed as we read it$/;

function tar(args: readonly string[]): void {
  const { status, error, stderr } = spawnSync('tar', args, { stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' });
  if (error !== undefined) throw error;
  const remarks = stderr.split('\n').filter((line) => line !== '' && !TOUCHED.test(line));
  if (status === 0 || (status === 1 && remarks.length === 0)) return;
  throw new Error(`tar ended with exit status ${status}\n${stderr}`);
}
