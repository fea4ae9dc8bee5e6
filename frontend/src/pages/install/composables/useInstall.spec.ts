import { describe, expect, it, vi } from 'vitest'
import { Unreachable } from '@/shared/problem'
import { useInstall } from './useInstall'

const good = [{ code: 'events', ok: true, text: 'Events' }]
const half = [...good, { code: 'left-menu', ok: false, text: 'Menu' }]
const never = () => new Promise(() => undefined)

describe('the installation', () => {
  it('tells the portal last, once everything is bound, and does not wait for an answer', async () => {
    const tell = vi.fn(never)
    const repair = vi.fn(() => {
      expect(tell).not.toHaveBeenCalled()
      return Promise.resolve(good)
    })
    const install = useInstall({ repair, finish: () => Promise.resolve(tell) })
    await install.run()
    expect(tell).toHaveBeenCalledOnce()
    expect(install.phase.value).toBe('open')
  })

  it('does not finish what failed in part, and does on the next try', async () => {
    const tell = vi.fn(never)
    const repair = vi.fn().mockResolvedValueOnce(half).mockResolvedValueOnce(good)
    const install = useInstall({ repair, finish: () => Promise.resolve(tell) })
    await install.run()
    expect(install.phase.value).toBe('failed')
    expect(install.steps.value).toEqual(half)
    expect(tell).not.toHaveBeenCalled()
    await install.run()
    expect(tell).toHaveBeenCalledOnce()
  })

  it('keeps the error to show it in words', async () => {
    const lost = new Unreachable(new Error('reset'))
    const install = useInstall({ repair: () => Promise.reject(lost), finish: () => Promise.resolve(null) })
    await install.run()
    expect(install.phase.value).toBe('failed')
    expect(install.error.value).toBe(lost)
  })

  it('says done where the portal has nothing to finish', async () => {
    const again = useInstall({ repair: () => Promise.resolve(good), finish: () => Promise.resolve(() => Promise.reject(new Error('already'))) })
    await again.run()
    await vi.waitFor(() => { expect(again.phase.value).toBe('done') })
    const outside = useInstall({ repair: () => Promise.resolve(good), finish: () => Promise.resolve(null) })
    await outside.run()
    expect(outside.phase.value).toBe('done')
  })

  it('runs once at a time', async () => {
    const repair = vi.fn(() => Promise.resolve(half))
    const install = useInstall({ repair, finish: () => Promise.resolve(null) })
    await Promise.all([install.run(), install.run()])
    expect(repair).toHaveBeenCalledOnce()
  })
})
