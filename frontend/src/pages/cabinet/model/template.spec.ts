import { describe, expect, it } from 'vitest'
import { faultsOf, lengthOf, pieces, preview, withVariable, type Variable } from './template'

const variable = (id: string, sample: string, known: Variable['known']): Variable => ({ id, name: id, group: 'g', group_name: 'G', hint: '', sample, known })
const list = [variable('name', 'Мария [b]<i>Орлова', { call: 'start', chat: 'start' }), variable('chat_id', '5512', { chat: 'start' })]
const codes = (text: string, kind: 'call' | 'chat' = 'call') => faultsOf(text, list, kind).map((fault) => [fault.code, fault.name].filter(Boolean).join(' '))

describe('templates', () => {
  it.each([
    ['', []],
    ['Звонок {{name}}', []],
    ['Звонок {{ name }}', []],
    ['{{weather}} {{chat_id}}', ['unknown weather', 'not_here chat_id']],
    ['{{}} {{name', ['empty', 'unclosed']],
    ['x'.repeat(1001), ['long']],
    ['}} {', []],
  ])('«%s» has the faults %j', (text, want) => {
    expect(codes(text)).toEqual(want)
  })

  it('mark their variables, and the pieces are the text', () => {
    const text = 'Чат {{name}} {{weather}} {{na'
    expect(pieces(text, list, 'chat').map((one) => one.text).join('')).toBe(text)
    expect(pieces(text, list, 'chat').filter((one) => one.mark !== 'none')).toEqual([{ text: '{{name}}', mark: 'good' }, { text: '{{weather}}', mark: 'bad' }, { text: '{{na', mark: 'bad' }])
  })

  it('show the result on samples: one line, no markup, cut to the limit', () => {
    expect(preview('  Чат {{name}}\n№ {{chat_id}} {{weather}}', list, 255)).toBe('Чат Мария (b) i Орлова № 5512')
    expect(preview('абвгд', list, 4)).toBe('абв…')
    expect(preview('', list, 50)).toBe('')
  })

  it('count characters, not code units', () => {
    expect(lengthOf('ab😀')).toBe(3)
  })

  it('take a variable in at the cursor', () => {
    expect(withVariable('Чат  сайт', 4, 4, 'name')).toEqual({ text: 'Чат {{name}} сайт', cursor: 12 })
    expect(withVariable('Чат', 0, 3, 'name')).toEqual({ text: '{{name}}', cursor: 8 })
  })
})
