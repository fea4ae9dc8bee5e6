import { describe, expect, it } from 'vitest'
import { clientOf, contactsOf, everyCall, placeOf, queryOf, refOfEvent, toneOf, unique, type CommunicationShort } from './communications'

const item = (ref: string) => ({ ref }) as CommunicationShort

describe('communications', () => {
  it('stand in the list once', () => {
    expect(unique([item('chat:2'), item('chat:1'), item('chat:2')]).map((one) => one.ref)).toEqual(['chat:2', 'chat:1'])
  })

  it.each([
    [{ client: 'Анна', phones: ['79000000001'], emails: [] }, 'Анна', ['+79000000001']],
    [{ client: '', phones: ['79000000001', '79000000002'], emails: ['a@example.com'] }, '+79000000001', ['+79000000002', 'a@example.com']],
    [{ client: '+79000000001', phones: ['79000000001'], emails: [] }, '+79000000001', []],
    [{ client: '', phones: [], emails: [] }, '', []],
  ])('name their client', (one, name, contacts) => {
    expect([clientOf(one), contactsOf(one)]).toEqual([name, contacts])
  })

  it('lead to where advice is followed', () => {
    expect(placeOf('/chats/filter')).toEqual({ pointer: '/chats/filter' })
    expect(placeOf('operations')).toEqual({ section: 'operations' })
    expect([placeOf('nowhere'), placeOf(null), placeOf('')]).toEqual([null, null, null])
  })

  it('are narrowed when they are calls, by what was chosen', () => {
    expect(queryOf('call', everyCall())).toEqual({})
    expect(queryOf('call', { ...everyCall(), outcome: 'missed' })).toEqual({ outcome: 'missed' })
    expect(queryOf('call', { direction: 'in', outcome: 'answered', state: 'done' })).toEqual({ direction: 'in', outcome: 'answered', state: 'done' })
    expect(queryOf('chat', { ...everyCall(), direction: 'in' })).toEqual({})
  })

  it('are named by events of the feed', () => {
    expect(refOfEvent({ chat: { id: 5, uis_chat: 101 } })).toBe('chat:101')
    expect(refOfEvent({ call: { id: 7 } })).toBe('call:7')
    expect([refOfEvent({ chat: { id: 5, uis_chat: null } }), refOfEvent(null), refOfEvent({})]).toEqual([null, null, null])
  })

  it('colour commands by how they ended', () => {
    expect(['done', 'refused', 'unclear', 'waiting'].map(toneOf)).toEqual(['good', 'bad', 'warn', 'calm'])
  })
})
