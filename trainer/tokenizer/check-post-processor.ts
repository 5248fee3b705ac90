import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';

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
  if (type === 'TemplateProcessing') checked(template, config, path);
  if (type !== 'Sequence') return;
  for (const [i, part] of checked(sequence, config, path).processors.entries())
    checkPostProcessor(part, `${path}.processors.${i}`);
}

function checked<T>(schema: z.ZodType<T>, config: unknown, path: string): T {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new CftError('InvalidConfig', `${[path, ...(issue?.path ?? [])].join('.')}: ${issue?.message}`, {
    hint: 'compare it with the file that transformers writes for this tokenizer',
    cause: result.error,
  });
}
