/* A host that uses POSIX queues itself and loads a plug-in that uses agentmq, as a JVM would. */
#include <dlfcn.h>
#include <stdio.h>

int posix_round_trip(void);

int main(int argc, char **argv) {
  int (*plugin_main)(void) = NULL;
  void *plugin = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  if (plugin == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  *(void **)&plugin_main = dlsym(plugin, "plugin_main");
  if (plugin_main == NULL || plugin_main() != 0) return 1;
  return posix_round_trip();
}
