#ifndef AGENTMQ_EXPORT_H
#define AGENTMQ_EXPORT_H

/*
 * MQ_API marks what the library exports.
 *
 * MQ_BUILDING_LIBRARY is defined while the library itself is compiled, MQ_STATIC where its
 * static form is linked. SWIG reads the declarations only.
 */
#if defined(SWIG)
#define MQ_API
#elif defined(_WIN32)
#if defined(MQ_STATIC)
#define MQ_API
#elif defined(MQ_BUILDING_LIBRARY)
#define MQ_API __declspec(dllexport)
#else
#define MQ_API __declspec(dllimport)
#endif
#elif defined(__GNUC__) && (defined(MQ_BUILDING_LIBRARY) || !defined(MQ_STATIC))
#define MQ_API __attribute__((visibility("default")))
#else
#define MQ_API
#endif

#endif
