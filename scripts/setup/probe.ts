// Exits with 0 if the backend loads and computes.
import { loadBackend } from '../../trainer/tensor/backend.ts';

const { tf } = await loadBackend({ backend: 'tensorflow' });
const product = tf.matMul(tf.ones([8, 8]), tf.ones([8, 8])).dataSync();
process.exitCode = product.every((value) => value === 8) ? 0 : 1;
