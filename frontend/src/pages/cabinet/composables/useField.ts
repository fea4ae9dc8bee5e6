import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { useI18n } from 'vue-i18n'
import { stateOf, type State } from '../model/dependencies'
import { nameOf } from '../model/settings'
import { useSection } from './useLists'
import { useForm } from './useSettingsForm'

/** A field of the settings: its value, what it allows now, what is wrong with it, and what it is called. */
export function useField<T>(pointer: MaybeRefOrGetter<string>) {
  const form = useForm()
  const { crm } = useSection()
  const { t, te } = useI18n()
  const at = computed(() => toValue(pointer))
  const state = computed<State>(() => (form.draft.value ? stateOf(form.draft.value, at.value, crm.value) : { disabled: true, required: false }))
  const name = computed(() => nameOf(at.value))
  return {
    value: computed<T | null>({ get: () => form.value<T>(at.value), set: (value) => { form.set(at.value, value) } }),
    disabled: computed(() => state.value.disabled),
    required: computed(() => state.value.required),
    error: computed(() => form.errorAt(at.value)),
    label: computed(() => t(`cabinet.field.${name.value}`)),
    help: computed(() => (te(`cabinet.help.${name.value}`) ? t(`cabinet.help.${name.value}`) : undefined)),
  }
}
