import { checked } from '../checked.ts';
import { readJsonl } from '../data/jsonl.ts';
import { ResponseRecord } from './record.ts';

/**
 * The correct responses of a file that `cft generate` wrote, one at a time: a file may be larger than memory.
 *
 * @param from how many to leave out
 * @param to   how many there are at most, those left out included; undefined: all
 * @throws CftError FileNotFound, InvalidRecord, CorruptFile
 */
export async function* correctResponses(path: string, from = 0, to = Infinity): AsyncGenerator<ResponseRecord> {
  let count = 0;
  for await (const { value, line } of readJsonl(path)) {
    if (count >= to) return;
    const response = checked(ResponseRecord, value, {
      code: 'InvalidRecord',
      where: `${path}:${line}`,
      hint: 'this file should be the output of cft generate',
    });
    if (!response.correct) continue;
    if (count >= from) yield response;
    count++;
  }
}

/** What can be said of responses without holding them. Lengths in tokens. */
export interface Survey {
  readonly ids: readonly string[];
  readonly longestPrompt: number;
  readonly longestResponse: number;
  /** Of a prompt with its response. */
  readonly longest: number;
}

export async function surveyResponses(
  responses: AsyncIterable<ResponseRecord> | Iterable<ResponseRecord>,
): Promise<Survey> {
  const ids: string[] = [];
  let [longestPrompt, longestResponse, longest] = [0, 0, 0];
  for await (const { id, promptIds, responseIds } of responses) {
    ids.push(id);
    longestPrompt = Math.max(longestPrompt, promptIds.length);
    longestResponse = Math.max(longestResponse, responseIds.length);
    longest = Math.max(longest, promptIds.length + responseIds.length);
  }
  return { ids, longestPrompt, longestResponse, longest };
}
