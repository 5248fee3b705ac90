import { describe, expect, test } from 'vitest';
import { formatQuestion } from './chain.ts';
import { chainFromAnswer } from './gsm8k.ts';

function questionOf(answer: string): string | undefined {
  const chain = chainFromAnswer(answer);
  return chain && formatQuestion(chain);
}

describe('chainFromAnswer', () => {
  test('turns earlier results into references', () => {
    expect(questionOf('She sold 48/2 = <<48/2=24>>24.\nIn all 48+24 = <<48+24=72>>72.\n#### 72')).toBe(
      'a = 48/2, b = 48+a. What is b?',
    );
  });

  test('refers to the latest of several steps with the same result', () => {
    expect(questionOf('<<2*3=6>> <<1+5=6>> <<6*2=12>> #### 12')).toBe('a = 2*3, b = 1+5, c = b*2. What is c?');
  });

  test('reads numbers as GSM8K writes them: commas, dollars, missing or superfluous zeros', () => {
    expect(questionOf('<<.50*1,0=$5.00>> <<5*100=500>> #### 500')).toBe('a = 0.5*10, b = a*100. What is b?');
  });

  test('leaves out a step that computes nothing', () => {
    expect(questionOf('<<7=7>> <<7+2=9>> #### 9')).toBe('a = 7+2. What is a?');
  });

  test.each([
    ['no annotation', '12 #### 12'],
    ['more than four steps', '<<1+1=2>><<2+1=3>><<3+1=4>><<4+1=5>><<5+1=6>> #### 6'],
    ['a wrong annotation', '<<48/2=25>> #### 25'],
    ['a rounded result', '<<10/3=3.33>> #### 3.33'],
    ['a last step that is not the answer', '<<48/2=24>> #### 25'],
    ['a large number', '<<2000*2=4000>> #### 4000'],
    ['a large number in the middle', '<<2000/4=500>> #### 500'],
    ['something that is no expression', '<<50%*4=2>> #### 2'],
    ['a name', '<<x+1=2>> #### 2'],
    ['a very long expression', `<<${'1+'.repeat(40)}1=41>> #### 41`],
  ])('refuses %s', (_, answer) => {
    expect(chainFromAnswer(answer)).toBeUndefined();
  });
});
