import { describe, expect, it } from 'vitest'
import { byActivity, dropChat, putChats, type ChatTable } from './chatTable'
import { colourOf, extensionOf, initialsOf, kindOf, linked, sizeOf } from './look'
import type { Chat } from './types'

describe('look', () => {
  it('takes initials from words, never from digits', () => {
    expect(initialsOf('Анна Ковалёва')).toBe('АК')
    expect(initialsOf('ООО «Свет»')).toBe('О')
    expect(initialsOf('+7 900 000-00-14')).toBe('')
    expect(initialsOf('')).toBe('')
  })

  it('keeps a person in one colour', () => {
    expect(colourOf(512)).toBe(colourOf(512))
    expect(colourOf('Анна')).toMatch(/^#[0-9a-f]{6}$/)
  })

  it('says sizes in the language of the page', () => {
    expect(sizeOf(512, 'en')).toBe('512 byte')
    expect(sizeOf(1_340_000, 'en')).toBe('1.3 MB')
    expect(sizeOf(40 * 1024 * 1024, 'ru')).toMatch(/^40\sМБ$/)
  })

  it('knows kinds and extensions', () => {
    expect([kindOf('image/png'), kindOf('video/mp4'), kindOf('audio/ogg'), kindOf('application/pdf'), kindOf('')]).toEqual(['image', 'video', 'audio', 'document', 'document'])
    expect([extensionOf('a.PDF'), extensionOf('a.b.xlsx'), extensionOf('.env'), extensionOf('name')]).toEqual(['PDF', 'XLSX', '', ''])
  })

  it('makes links of addresses only, and leaves the rest as it is', () => {
    expect(linked('см. https://example.com/a?b=1, пожалуйста')).toEqual([
      { text: 'см. ', href: null },
      { text: 'https://example.com/a?b=1', href: 'https://example.com/a?b=1' },
      { text: ', пожалуйста', href: null },
    ])
    expect(linked('javascript:alert(1) <b>x</b>')).toEqual([{ text: 'javascript:alert(1) <b>x</b>', href: null }])
  })
})

describe('the table of chats', () => {
  const chat = (id: number, changed_at: string) => ({ id, changed_at }) as Chat

  it('lets an older telling never overwrite a newer one', () => {
    const table = putChats(new Map(), [chat(1, '2026-11-24T09:00:00Z')], 10)
    const older = putChats(table, [chat(1, '2026-11-24T08:00:00Z')], 9)
    expect(older).toBe(table)
    expect(putChats(table, [chat(1, '2026-11-24T10:00:00Z')], 10).get(1)?.chat.changed_at).toBe('2026-11-24T10:00:00Z')
  })

  it('forgets a chat and orders by activity', () => {
    const table: ChatTable = putChats(new Map(), [chat(1, '2026-11-24T09:00:00Z'), chat(2, '2026-11-24T09:30:00Z')], 1)
    expect([...table.values()].map((known) => known.chat).sort(byActivity).map((one) => one.id)).toEqual([2, 1])
    expect([...dropChat(table, 2).keys()]).toEqual([1])
    expect(dropChat(table, 9)).toBe(table)
  })
})
