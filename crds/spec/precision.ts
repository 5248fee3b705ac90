import { z } from 'zod';

/** Number format of matrix products; everything else is computed in fp32. */
export const Precision = z.enum(['fp32', 'bf16']);
export type Precision = z.output<typeof Precision>;
