import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { unwrap } from '@/api/client'
import { useServices } from '@/shared/services'
import type { Me } from '../model/types'

/** The person at the page: rights, who he is at UIS. */
export const useMe = defineStore('me', () => {
  const { api } = useServices()
  const me = shallowRef<Me | null>(null)
  const error = shallowRef<unknown>(null)

  async function load(): Promise<void> {
    error.value = null
    try {
      me.value = await unwrap(api.GET('/me'))
    } catch (reason) {
      error.value = reason
    }
  }

  return { me, error, load }
})
