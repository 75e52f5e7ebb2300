/** An object with some of its methods in place of its own. */
export const over = <T extends object>(target: T, instead: Partial<T>): T =>
  new Proxy(target, {
    get: (object, name) => {
      if (Reflect.has(instead, name)) return Reflect.get(instead, name)
      const value: unknown = Reflect.get(object, name, object)
      return typeof value === 'function' ? value.bind(object) : value
    },
  })
