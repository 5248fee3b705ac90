import type { VerifierSpec } from '../../crds/cftrun.ts';
import { createChoiceVerifier } from './choice.ts';
import { createExactVerifier } from './exact.ts';
import { createMathVerifier } from './math.ts';
import { createRegexVerifier } from './regex.ts';
import type { Verifier } from './verifier.ts';

/**
 * The verifier that a manifest asks for.
 *
 * @throws CftError InvalidArgument for a pattern that is not a regular expression or has no such group
 */
export function createVerifier(spec: VerifierSpec): Verifier {
  switch (spec.type) {
    case 'math':
      return createMathVerifier();
    case 'choice':
      return createChoiceVerifier(spec);
    case 'exact':
      return createExactVerifier(spec);
    case 'regex':
      return createRegexVerifier(spec);
  }
}
