import { computed, inject, ref, shallowRef, type InjectionKey, type Ref } from 'vue'
import { Problem } from '@/shared/problem'
import { apply, changes, clashes, errorUnder, placeErrors, read, withoutErrorsAt, write, type Doc } from '../model/settings'

/** Where the document comes from and goes to. `save` fails with a Problem: 409 carries `theirs`, 422 the fields. */
export interface SettingsStore {
  load: () => Promise<Doc>
  save: (doc: Doc, version: number) => Promise<Doc>
}

export interface Conflict {
  theirs: Doc
  /** Pointers both changed to different values. */
  clashes: string[]
}

/** The form over the whole settings document: one base, one draft, one Save (P4). */
export function useSettingsForm(store: SettingsStore) {
  const base = shallowRef<Doc | null>(null)
  const draft = shallowRef<Doc | null>(null)
  const error = shallowRef<unknown>(null)
  const loadError = shallowRef<unknown>(null)
  const conflict = shallowRef<Conflict | null>(null)
  const fieldErrors = ref<Record<string, string>>({})
  const elsewhere = ref<string[]>([])
  const saving = ref(false)
  const savedOnce = ref(0)
  /** What is shown is not what is there any more: somebody saved while there are edits here, or an open line was changed in Bitrix24 (P6). */
  const outdated = ref<'saved' | 'line' | null>(null)

  const edits = computed(() => (base.value && draft.value ? changes(base.value, draft.value) : []))
  const dirty = computed(() => edits.value.length > 0)

  function adopt(doc: Doc): void {
    outdated.value = null
    base.value = doc
    draft.value = doc
    clearErrors()
  }

  function clearErrors(): void {
    error.value = null
    fieldErrors.value = {}
    elsewhere.value = []
  }

  async function load(): Promise<void> {
    loadError.value = null
    try {
      adopt(await store.load())
    } catch (caught) {
      loadError.value = caught
    }
  }

  /**
   * Another page saved: fresh settings are taken at once, unless edits here would be lost. Then the page says so, and Save tells of it.
   * That a line was changed stays said (a channel that goes to a line is saved as well), until the person reloads.
   */
  async function heard(reload = false): Promise<void> {
    if (saving.value) return
    if (dirty.value) {
      outdated.value = 'saved'
      return
    }
    const doc = await store.load().catch(() => null)
    if (!doc || dirty.value) return
    const line = outdated.value === 'line' && !reload
    adopt(doc)
    if (line) outdated.value = 'line'
  }

  /** P6: an open line was changed in Bitrix24. The page says so, whether or not there are edits, and asks to reload. */
  function heardLine(): void {
    outdated.value ??= 'line'
  }

  function set(pointer: string, value: unknown): void {
    if (!draft.value) return
    draft.value = write(draft.value, pointer, value)
    if (Object.keys(fieldErrors.value).length === 0) return
    fieldErrors.value = withoutErrorsAt(fieldErrors.value, pointer)
    // "Check the marked fields" says nothing once none is marked.
    if (Object.keys(fieldErrors.value).length === 0 && elsewhere.value.length === 0) error.value = null
  }

  function fill(make: (doc: Doc) => Doc): void {
    if (!draft.value) return
    draft.value = make(draft.value)
    clearErrors()
  }

  function cancel(): void {
    draft.value = base.value
    clearErrors()
    if (outdated.value) void heard(true)
  }

  /** Saves the draft. False: something is to be read, in `error`, `fieldErrors` or `conflict`. */
  async function save(): Promise<boolean> {
    if (!draft.value || !base.value || saving.value) return false
    saving.value = true
    clearErrors()
    try {
      adopt(await store.save(draft.value, base.value.version))
      savedOnce.value += 1
      return true
    } catch (caught) {
      take(caught)
      return false
    } finally {
      saving.value = false
    }
  }

  function take(caught: unknown): void {
    const theirs = caught instanceof Problem && caught.status === 409 ? (caught.body as { theirs?: Doc } | null)?.theirs : undefined
    if (theirs && base.value) {
      conflict.value = { theirs, clashes: clashes(base.value, theirs, edits.value) }
      return
    }
    error.value = caught
    if (caught instanceof Problem && caught.errors.length > 0) {
      const placed = placeErrors(caught.errors)
      fieldErrors.value = placed.at
      elsewhere.value = placed.elsewhere.map((one) => one.text)
    }
  }

  /** Gives up the edits for what the other person saved. */
  function loadTheirs(): void {
    if (!conflict.value) return
    adopt(conflict.value.theirs)
    conflict.value = null
  }

  /** Saves the edits again, on top of what the other person saved. */
  async function keepMine(): Promise<boolean> {
    if (!conflict.value) return false
    const mine = edits.value
    base.value = conflict.value.theirs
    draft.value = apply(conflict.value.theirs, mine)
    conflict.value = null
    return save()
  }

  return {
    base, draft, edits, dirty, saving, savedOnce, outdated, error, loadError, fieldErrors, elsewhere, conflict,
    value: <T>(pointer: string) => (draft.value ? (read(draft.value, pointer) as T) : null),
    errorAt: (pointer: string) => errorUnder(fieldErrors.value, pointer),
    load, heard, heardLine, set, fill, cancel, save, loadTheirs, keepMine,
    closeConflict: () => { conflict.value = null },
  }
}

export type SettingsForm = ReturnType<typeof useSettingsForm>
export const settingsFormKey: InjectionKey<SettingsForm> = Symbol('settings form')

/** The wrong field that a refused save leads to: the list that holds it scrolls to its row. */
export const lookedKey: InjectionKey<Ref<{ pointer: string; n: number }>> = Symbol('looked')

/** The page's one settings form. */
export function useForm(): SettingsForm {
  const form = inject(settingsFormKey)
  if (!form) throw new Error('no settings form on this page')
  return form
}
