import { join } from 'node:path';
import type { DatasetSpec, EvaluationDataset } from '../../crds/cftrun.ts';
import { isLocalSource } from '../../crds/source.ts';
import type { Stage } from '../../crds/stage.ts';
import { preferredSplits } from '../data/dataset-rows.ts';
import { parseAddress } from './address.ts';
import { hubFiles, selected, type Wanted } from './hub.ts';
import type { RemoteTree } from './remote.ts';
import { openS3, type S3Address, s3Files } from './s3.ts';
import { createStore, type FetchOptions } from './store.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What fetching needs from the stage around it. */
export interface FetchContext {
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly logger: { info(message: string, fields?: Readonly<Record<string, unknown>>): void };
  now(): Date;
  readonly pause?: FetchOptions['pause'];
}

const REPORT_EVERY_MS = 5000;

/** The stage with every source on this machine: what is elsewhere is fetched first, into CFT_CACHE_DIR or else the run's own `sources`. */
export async function withLocalSources<S extends Stage>(stage: S, context: FetchContext): Promise<S> {
  const dir = context.env.CFT_CACHE_DIR ?? join(stage.runDir, 'sources');
  const local = async <T extends { readonly source: string }>(spec: T, wanted: Wanted): Promise<T> => ({
    ...spec,
    source: await fetchSource(spec.source, wanted, dir, context),
  });
  const dataset = <T extends DatasetSpec | EvaluationDataset>(spec: T): Promise<T> =>
    local(spec, { type: 'dataset', config: spec.config, split: spec.split, preferred: preferredSplits(spec) });
  const params: Record<string, unknown> = { ...stage.params };
  if ('model' in stage.params) params.model = await local(stage.params.model, { type: 'model' });
  if (stage.kind === 'train' && !isLocalSource(stage.params.model.source))
    params.model = { ...(params.model as object), address: stage.params.model.source };
  if ('data' in stage.params) params.data = await dataset(stage.params.data);
  if ('trainingData' in stage.params && stage.params.trainingData !== undefined)
    params.trainingData = await dataset(stage.params.trainingData);
  if ('transfer' in stage.params && stage.params.transfer !== undefined)
    params.transfer = await local(stage.params.transfer, { type: 'dataset', preferred: ['train'] });
  if ('datasets' in stage.params) params.datasets = await inTurn(stage.params.datasets, dataset);
  return { ...stage, params } as S;
}

/**
 * The local path of a source; what is elsewhere is fetched into a store first.
 *
 * @throws CftError as `parseAddress`, `hubFiles`, `s3Files` and {@link createStore} say
 */
export async function fetchSource(source: string, wanted: Wanted, dir: string, context: FetchContext): Promise<string> {
  const address = parseAddress(source);
  if (address.kind === 'local') return address.path;
  const list = (): Promise<RemoteTree> => {
    context.logger.info('looking for a source', { source });
    return address.kind === 'hub' ? hubFiles(address, wanted, context.env) : listS3(address, wanted, context.env);
  };
  return createStore(dir).get(JSON.stringify({ source, ...wanted }), list, {
    signal: context.signal,
    ...(context.pause === undefined ? {} : { pause: context.pause }),
    onProgress: progressLines(source, context),
  });
}

/** Of a bucket's folder that is a data set, only the split is fetched that is wanted. */
async function listS3(address: S3Address, wanted: Wanted, env: Environment): Promise<RemoteTree> {
  const tree = await s3Files(await openS3(env), address);
  return tree.entry === ''
    ? { ...tree, files: await selected(tree.files, wanted, `s3://${address.bucket}/${address.key}`) }
    : tree;
}

/** A line in the log every few seconds, and one when all is here. */
function progressLines(source: string, { logger, now }: FetchContext): FetchOptions['onProgress'] {
  let last = now().getTime();
  return ({ file, done, total }) => {
    const time = now().getTime();
    if (done < total && time - last < REPORT_EVERY_MS) return;
    last = time;
    logger.info(done < total ? 'fetching' : 'fetched', { source, file, bytes: done, of: total });
  };
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (const item of items) done.push(await work(item));
  return done;
}
