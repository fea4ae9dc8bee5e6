import { describe, expect, it } from 'vitest'
import { portalAddress } from './domain'

describe('the address of a portal (P2)', () => {
  it.each([
    ['https://company.example.com', 'https://company.example.com'],
    ['https://company.example.com/', 'https://company.example.com'],
    [' company.example.com ', 'https://company.example.com'],
    ['http://127.0.0.1:9100', 'http://127.0.0.1:9100'],
  ])('takes %s', (typed, address) => {
    expect(portalAddress(typed)).toBe(address)
  })

  it.each(['', 'company', 'ftp://company.example.com', 'https://company.example.com/crm/', 'https://user:x@company.example.com', 'two words.example.com'])('refuses %s', (typed) => {
    expect(portalAddress(typed)).toBeNull()
  })
})
