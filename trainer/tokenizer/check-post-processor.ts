import { z } from 'zod';
import { checked } from '../checked.ts';
import { TOKENIZER_HINT } from './tokenizer-files.ts';

const named = z.object({ id: z.string() });
const pieces = z
  .array(z.union([z.object({ SpecialToken: named }), z.object({ Sequence: z.object({ id: z.literal('A') }) })]))
  .refine((all) => all.filter((piece) => 'Sequence' in piece).length === 1, 'must hold the text once');
const sequence = z.looseObject({ type: z.literal('Sequence'), processors: z.array(z.unknown()) });
const template = z.looseObject({ type: z.literal('TemplateProcessing'), single: pieces });

/**
 * Refuses a post-processor of tokenizer.json that is incomplete. The library would do without what it doesn't find, and a text would get no
 * beginning token.
 *
 * @throws CftError InvalidConfig
 */
export function checkPostProcessor(config: unknown, path = 'post_processor'): void {
  const type = (config as { type?: unknown } | null)?.type;
  const place = { code: 'InvalidConfig', path, hint: TOKENIZER_HINT } as const;
  if (type === 'TemplateProcessing') checked(template, config, place);
  if (type !== 'Sequence') return;
  for (const [i, part] of checked(sequence, config, place).processors.entries())
    checkPostProcessor(part, `${path}.processors.${i}`);
}
