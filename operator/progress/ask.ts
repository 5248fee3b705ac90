import { request } from 'undici';
import { z } from 'zod';
import { METRICS_PORT } from '../jobs/pod.ts';
import type { Pod } from '../kube/objects.ts';

/** How far a running stage has come, as its pod says. */
export interface LiveProgress {
  /** Name of the stage. */
  readonly stage: string;
  /** From 0 to 1. */
  readonly ratio: number;
  readonly etaSeconds: number | undefined;
}

/** What of a pod's `/progress` is read. */
const Report = z.object({
  stage: z.string().max(63),
  ratio: z.number().min(0).max(1),
  etaSeconds: z.number().min(0).nullable(),
});

const TIMEOUT = 2000;
/** A report takes about 200 bytes. What comes from a pod is not trusted to end. */
const MAX_BYTES = 16_384;

/** Asks a pod by its address how far its stage has come. Undefined: it gave no answer that makes sense, in time. Never throws. */
export async function askPod(pod: Pod, stop: AbortSignal): Promise<LiveProgress | undefined> {
  const address = pod.status?.podIP;
  if (address === undefined || address === '') return undefined;
  const host = address.includes(':') ? `[${address}]` : address;
  try {
    // A pod is asked too seldom to keep a connection open. Redirects are not followed: this is the way to no other place.
    const { statusCode, body } = await request(`http://${host}:${METRICS_PORT}/progress`, {
      reset: true,
      signal: AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT)]),
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_BYTES) return undefined;
    }
    if (statusCode !== 200) return undefined;
    const { stage, ratio, etaSeconds } = Report.parse(JSON.parse(Buffer.concat(chunks).toString()));
    return { stage, ratio, etaSeconds: etaSeconds ?? undefined };
  } catch {
    return undefined;
  }
}
