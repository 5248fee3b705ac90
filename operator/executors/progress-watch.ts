import { join } from 'node:path';
import { z } from 'zod';
import type { Stage } from '../../crds/stage.ts';
import { readJson, stageDirectory } from './stage-files.ts';

const Endpoint = z.object({ pid: z.int(), url: z.url() });

const Report = z.object({
  phase: z.string(),
  done: z.number(),
  total: z.number(),
  ratio: z.number(),
  etaSeconds: z.number().nullable(),
});

/** How far a running stage has come, as its `/progress` says. */
export type StageProgress = z.output<typeof Report>;

const POLL_MILLISECONDS = 500;

/**
 * Asks a running stage for its progress, as the operator asks a pod, until told to stop. The stage says in `endpoint.json` where it is
 * to be asked; one that another process left behind is not looked at.
 */
export function watchProgress(
  stage: Stage,
  pid: number,
  on: { readonly endpoint: (url: string) => void; readonly progress: (progress: StageProgress) => void },
): () => void {
  const controller = new AbortController();
  void poll();
  return () => controller.abort();

  async function poll(): Promise<void> {
    let known: string | undefined;
    while (!controller.signal.aborted) {
      known ??= await endpointUrl(stage, pid, on.endpoint);
      const report = known === undefined ? undefined : await ask(known, controller.signal);
      if (report !== undefined && !controller.signal.aborted) on.progress(report);
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS).unref());
    }
  }
}

async function endpointUrl(stage: Stage, pid: number, found: (url: string) => void): Promise<string | undefined> {
  const endpoint = Endpoint.safeParse(await readJson(join(stageDirectory(stage), 'endpoint.json')));
  if (!endpoint.success || endpoint.data.pid !== pid) return undefined;
  found(endpoint.data.url);
  return endpoint.data.url;
}

async function ask(url: string, stop: AbortSignal): Promise<StageProgress | undefined> {
  try {
    const response = await fetch(`${url}/progress`, { signal: AbortSignal.any([stop, AbortSignal.timeout(5000)]) });
    return Report.safeParse(await response.json()).data;
  } catch {
    return undefined;
  }
}
