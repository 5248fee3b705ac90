import type { VerifierSpec } from '../../crds/cftrun.ts';
import { createChoiceVerifier } from './choice.ts';
import { createExactVerifier } from './exact.ts';
import { createHttpVerifier } from './http.ts';
import { createMathVerifier } from './math.ts';
import { createRegexVerifier } from './regex.ts';
import type { Verifier } from './verifier.ts';

/**
 * The verifier that a manifest asks for.
 *
 * @param environment where headers of an http verifier take their values from
 * @throws CftError InvalidArgument for a pattern that is not a regular expression or has no such group, or a header without a value
 */
export function createVerifier(
  spec: VerifierSpec,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Verifier {
  switch (spec.type) {
    case 'math':
      return createMathVerifier(spec);
    case 'choice':
      return createChoiceVerifier(spec);
    case 'exact':
      return createExactVerifier(spec);
    case 'regex':
      return createRegexVerifier(spec);
    case 'http':
      return createHttpVerifier(spec, environment);
  }
}
