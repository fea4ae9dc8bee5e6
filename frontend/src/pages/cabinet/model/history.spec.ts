import { describe, expect, it } from 'vitest'
import { brief } from './history'

const words = { yes: 'on', no: 'off', nothing: 'nothing', rows: (n: number) => `${String(n)} rows` }

describe('a value of the settings in a few words', () => {
  it.each([
    [null, 'nothing'], [undefined, 'nothing'], ['', 'nothing'], [[], 'nothing'],
    [true, 'on'], [false, 'off'], [0, '0'], ['start', 'start'],
    [['lead', 'deal'], 'lead, deal'], [[20, 21], '20, 21'], [[{ filter: [] }, { filter: [] }], '2 rows'], [[[{ param: 'site' }]], '1 rows'],
    [{ on: true }, '{"on":true}'],
  ])('%j', (value, text) => { expect(brief(value, words)).toBe(text) })

  it('cuts what is long', () => { expect(brief('я'.repeat(500), words)).toHaveLength(120) })
})
