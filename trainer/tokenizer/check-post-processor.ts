import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { checked } from '../checked.ts';
import { TOKENIZER_HINT } from './tokenizer-files.ts';

const named = z.object({ id: z.string() });
const pieces = z
  .array(z.union([z.object({ SpecialToken: named }), z.object({ Sequence: z.object({ id: z.literal('A') }) })]))
  .refine((all) => all.filter((piece) => 'Sequence' in piece).length === 1, 'must hold the text once');
const sequence = z.looseObject({ type: z.literal('Sequence'), processors: z.array(z.unknown()) });
const special = z.looseObject({ ids: z.array(z.int()), tokens: z.array(z.string()) });
const template = z.looseObject({
  type: z.literal('TemplateProcessing'),
  single: pieces,
  special_tokens: z.record(z.string(), special).optional(),
});
const token = z.tuple([z.string(), z.int()]);
const aroundText = z.looseObject({ cls: token, sep: token });

/**
 * Refuses a post-processor of tokenizer.json that is incomplete, or gives a token another id than the vocabulary. The library would do without what
 * it doesn't find, and a text would get no beginning token.
 *
 * @param idOf the id of a token of the vocabulary
 * @throws CftError InvalidConfig; CorruptFile for a contradiction
 */
export function checkPostProcessor(
  config: unknown,
  idOf: (token: string) => number | undefined,
  path = 'post_processor',
): void {
  const type = (config as { type?: unknown } | null)?.type;
  const place = { code: 'InvalidConfig', path, hint: TOKENIZER_HINT } as const;
  if (type === 'TemplateProcessing') {
    for (const { ids, tokens } of Object.values(checked(template, config, place).special_tokens ?? {}))
      for (const [i, name] of tokens.entries()) checkId(name, ids[i], idOf, path);
  }
  if (type === 'BertProcessing' || type === 'RobertaProcessing') {
    const { cls, sep } = checked(aroundText, config, place);
    for (const [name, id] of [cls, sep]) checkId(name, id, idOf, path);
  }
  if (type !== 'Sequence') return;
  for (const [i, part] of checked(sequence, config, place).processors.entries())
    checkPostProcessor(part, idOf, `${path}.processors.${i}`);
}

function checkId(
  name: string,
  id: number | undefined,
  idOf: (token: string) => number | undefined,
  path: string,
): void {
  const known = idOf(name);
  if (known === undefined || known === id) return;
  throw new CftError(
    'CorruptFile',
    `${path}: the token ${JSON.stringify(name)} has the id ${id} here, and ${known} in the vocabulary`,
    { hint: TOKENIZER_HINT },
  );
}
